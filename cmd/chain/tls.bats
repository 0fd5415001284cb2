# Over HTTPS a server must be who it says.
load ../../scripts/bats-helper
load ../../scripts/bats-server

# certificate NAME HOST DAYS AUTHORITY: for a server of that host (subjectAltName), with the key key.pem.
certificate() {
    openssl req -new -key key.pem -subj "/CN=server" -out request
    openssl x509 -req -in request -CA "$4.pem" -CAkey key.pem -CAcreateserial -days "$3" -out "$1.pem" \
        -extfile <(echo "subjectAltName=$2")
}

setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    "$program" new mlp:8 --input 1x8x8 --classes 2 -o model.coedge
    "$program" push --quiet model.coedge registry/solder:stable
    openssl ecparam -name prime256v1 -genkey -noout -out key.pem
    for name in own other; do openssl req -x509 -new -key key.pem -subj "/CN=$name" -days 3650 -out $name.pem; done
    certificate good IP:127.0.0.1 3650 own
    certificate elsewhere DNS:models.example.org 3650 own
    certificate expired IP:127.0.0.1 -1 own
    certificate strange IP:127.0.0.1 3650 other
}

setup_more() { export COEDGE_STORE=$PWD/store SSL_CERT_FILE=$MADE/own.pem; }

@test "from an authority of one's own, that SSL_CERT_FILE names; never from another" {
    serve "$MADE/registry" "$MADE/good.pem" "$MADE/key.pem"
    run -0 coedge pull "$URL/solder:stable" --install
    cmp "$(echo store/packages/*.coedge)" "$MADE/model.coedge"
    SSL_CERT_FILE= run -6 coedge pull "$URL/solder:stable" -o x # the system's
    SSL_CERT_FILE=$MADE/other.pem run -6 coedge pull "$URL/solder:stable" -o x
    SSL_CERT_FILE=nowhere run -4 coedge pull "$URL/solder:stable" -o x
    assert_output --partial "$URL/index.json: SSL_CERT_FILE: "
    [ ! -e x ]
}

@test "an authority in the system's folder counts, but not beside SSL_CERT_FILE" {
    unshare -m mount -t tmpfs none /mnt 2>/dev/null || skip "needs root: mounts another folder of authorities"
    mkdir authorities
    cp "$MADE/own.pem" "authorities/$(openssl x509 -hash -noout -in "$MADE/own.pem").0"
    cp "$MADE/other.pem" authorities/ca-certificates.crt
    serve "$MADE/registry" "$MADE/good.pem" "$MADE/key.pem"
    pull_with() { unshare -m sh -c 'mount --bind authorities /etc/ssl/certs && SSL_CERT_FILE=$1 coedge pull "$2" -o x' sh "$1" "$URL/solder:stable"; }
    pull_with ""
    rm x
    run -6 pull_with "$MADE/other.pem"
    assert_output --partial "unable to get local issuer certificate"
    [ ! -e x ]
}

# refused CERTIFICATE REASON: with one line, at once, and nothing was asked for.
refused() {
    serve "$MADE/registry" "$MADE/$1.pem" "$MADE/key.pem"
    run -6 coedge pull "$URL/solder:stable" -o x
    [ "${#lines[@]}" -eq 1 ]
    assert_output --partial "coedge pull: $URL/index.json: "
    assert_output --partial "$2"
    [ ! -e x ] && [ -z "$(requests)" ]
    run -6 coedge pull --list "$URL"
    stop_serving
}

@test "another host's, an expired, a stranger's certificate: 6, and a line that says which" {
    refused elsewhere "no alternative certificate subject name matches target host name '127.0.0.1'"
    refused expired "certificate has expired"
    refused strange "unable to get local issuer certificate"
}

@test "https never leads to http" {
    serve "$MADE/registry"
    plain=$URL
    first=$SERVER
    serve "$MADE/registry" "$MADE/good.pem" "$MADE/key.pem"
    rule 1 redirect "$plain/index.json" index.json
    run -6 coedge pull "$URL/solder:stable" -o x
    assert_output --partial "leads elsewhere"
    kill "$first"
}
