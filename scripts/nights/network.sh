# The network. Where root and ip(8) are there: a namespace for the cloud and one for each factory, a link from the cloud to
# each, no way between factories, and a capture of all that crosses where tcpdump is, too. Else all are on loopback.

net=loopback ns=nights$$ capture= servers=
if [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && ip netns add "$ns-cloud" 2>/dev/null; then net=namespaces; fi

# at WHO COMMAND...: runs it where WHO is, with WHO's store
at() {
    local there=()
    [ $net = loopback ] || there=(ip netns exec "$ns-$1")
    COEDGE_STORE=$PWD/$1/store "${there[@]}" "${@:2}"
}
# stay WHO COMMAND...: the same, in the background; its process is $!, which ends with it
stay() {
    local there=(env)
    [ $net = loopback ] || there=(ip netns exec "$ns-$1")
    "${there[@]}" "${@:2}" &
}
number_of() { case $1 in a) echo 1 ;; b) echo 2 ;; c) echo 3 ;; d) echo 4 ;; esac; }
cut_off=9 # a port that nobody listens on
cloud_url() { # as a factory sees it
    if [ $net = namespaces ]; then
        echo "http://10.77.$(number_of "$1").1:$(cat cloud/port)"
    elif is_cut "$1"; then
        echo http://127.0.0.1:$cut_off
    else
        echo "http://127.0.0.1:$(cat cloud/port)"
    fi
}
factory_url() { # as the cloud sees it
    if [ $net = namespaces ]; then
        echo "http://10.77.$(number_of "$1").2:$(cat "$1/port")"
    elif is_cut "$1"; then
        echo http://127.0.0.1:$cut_off
    else
        echo "http://127.0.0.1:$(cat "$1/port")"
    fi
}
# serve WHO FOLDER: a web server as it is on any machine; its port is in WHO/port
serve() {
    local bind=127.0.0.1 i
    [ $net = loopback ] || bind=0.0.0.0
    stay "$1" python3 -u -m http.server --bind $bind --directory "$2" 0 >"$1/web.log" 2>&1
    servers+=" $!"
    for i in $(seq 200); do
        sed -n 's/.* port \([0-9]*\) .*/\1/p' "$1/web.log" >"$1/port"
        [ ! -s "$1/port" ] || return 0
        sleep 0.05
    done
    echo "thirty-nights: no web server for $1: $(cat "$1/web.log")" >&2
    return 5
}
links_up() {
    local f i
    [ $net = namespaces ] || { echo "network: loopback, no capture (namespaces need root and ip)"; return 0; }
    ip -n "$ns-cloud" link set lo up
    for f in $factories; do
        i=$(number_of "$f")
        ip netns add "$ns-$f"
        ip -n "$ns-$f" link set lo up
        ip link add "to-$f" netns "$ns-cloud" type veth peer name eth0 netns "$ns-$f"
        ip -n "$ns-cloud" addr add "10.77.$i.1/30" dev "to-$f"
        ip -n "$ns-$f" addr add "10.77.$i.2/30" dev eth0
        link "$f" up
    done
    command -v tcpdump >/dev/null || { echo "network: namespaces, no capture (there is no tcpdump)"; return 0; }
    stay cloud tcpdump -Z root -B 65536 -s 0 -i any -w "$PWD/network.pcap" tcp 2>capture.log
    capture=$!
    for i in $(seq 100); do grep -q listening capture.log && break; sleep 0.05; done
    grep -q listening capture.log || { echo "thirty-nights: no capture: $(cat capture.log)" >&2; return 4; }
    echo "network: namespaces, all of it captured"
}
link() { # FACTORY up|down
    [ $net = namespaces ] || return 0
    ip -n "$ns-cloud" link set "to-$1" "$2"
    ip -n "$ns-$1" link set eth0 "$2"
}
links_down() {
    local f pid
    for pid in $servers $capture; do kill "$pid" 2>/dev/null || true; done
    servers='' capture=''
    [ $net = namespaces ] || return 0
    for f in cloud $factories; do ip netns del "$ns-$f" 2>/dev/null || true; done
}
capture_ends() {
    [ -n "$capture" ] || return 0
    sleep 1
    kill -INT "$capture"
    wait "$capture" || true
    capture=
    grep -q '^0 packets dropped by kernel' capture.log || echo "network: $(grep dropped capture.log): the capture has gaps"
}
