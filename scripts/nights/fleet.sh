# The fleet: what runs at the factories by day and night, and at the cloud. This is what a user would copy.

week=5   # nights whose boards a factory trains on
rounds=4 # a night
learn=(--epochs 6 --lr 0.003 --augment hflip,vflip,shift:2,brightness:0.1)

# an update which alone spoils what the model knows of the public boards takes no part
admitted=(--admit 'accuracy>=0.7x' --val cloud/asked.tar)

asked=2  # nights whose held boards a model is judged by; older ones are learnt from
last_week() { seq $((night > week ? night - week + 1 : 1)) "$night"; }
last_asked() { seq $((night > asked ? night - asked + 1 : 1)) "$night"; }
# linked WHO COMMAND...: exit 1 when there is no link, which is no error; any other failure ends the run
linked() {
    local rc=0
    at "$@" 2>"$1/link.log" || rc=$?
    case $rc in 0) ;; 5) return 1 ;; *) cat "$1/link.log" >&2; exit $rc ;; esac
}

# ---- day one ----

enrol() {
    local f
    mkdir -p cloud/sites cloud/registry
    coedge release keygen -o cloud/release --quiet
    for f in $factories; do
        mkdir -p "$f/outbox"
        coedge release keygen -o "$f/$f" --quiet
        cp "$f/$f.pub" cloud/sites/ # once, by hand, as is
        cp cloud/release.pub "$f/"  # this
    done
}
first_model() { # from public data alone; some of it is asked every night, few enough not to outvote the factories
    coedge dataset split cloud/gate.tar --shares 0.8,0.2 -o cloud/rest.tar,cloud/asked.tar --quiet
    coedge new solder-cnn --input $input --width 0.5 --labels cloud/labels --seed "$seed" -o cloud/new.coedge --quiet
    coedge train-local cloud/new.coedge --data cloud/public.tar --val cloud/gate.tar --epochs 8 -o cloud/current.coedge --quiet
}
publish() { # FILE CHANNEL MESSAGE
    coedge push "$1" "cloud/registry/solder:next" --quiet
    coedge release promote cloud/registry/solder:next --channel "$2" --key cloud/release.key --message "$3" --quiet
}

# ---- at a factory ----

by_day() { # FACTORY: answers its boards; a part of each class is held back to judge models by, and learnt from later
    at "$1" coedge infer @solder:stable "$1/day-$night.tar" --hard entropy:0.5 --hard-out "$1/hard.tar" --quiet \
        --emit key,label,score,truth,route,hard | sed "s/^{/{\"night\":$night,\"site\":\"$1\",/" >>"$1.ndjson"
    coedge dataset split "$1/day-$night.tar" --shares 0.8,0.2 -o "$1/learn-$night.tar,$1/held-$night.tar" --quiet
}

# factory_round FACTORY CHANNEL ROUND POISON: pulls the round's model, trains, signs, and lays the update out to be fetched
factory_round() {
    local f=$1 channel=$2 round=$3 n boards=() how=("${learn[@]}")
    linked "$f" coedge pull "$(cloud_url "$f")/solder:$channel" --trust "$f/release.pub" --retries 0 --quiet \
        -o "$f/$channel.coedge" || return 0
    for n in $(last_week); do
        if [ "$n" -gt $((night - asked)) ]; then boards+=(--data "$f/learn-$n.tar"); else boards+=(--data "$f/day-$n.tar"); fi
    done
    if [ "$4" = labels ]; then
        boards=(--data "$f/poisoned.tar")
        how=(--epochs 12 --lr 0.01)
    fi
    coedge train-local "$f/$channel.coedge" "${boards[@]}" "${how[@]}" --last --quiet --threads 1 --update --site "$f" --round "$round" \
        --seed "$round" --sign "$f/$f.key" -o "$f/out.update"
    [ "$4" != signs ] || python3 -B "$parts/flip-signs.py" "$f/out.update" "$f/$f.key" 10
    coedge push "$f/out.update" "$f/outbox/update:$channel" --quiet
}

# judge FACTORY: how many of the boards last held back the candidate and its predecessor know; two numbers leave
judge() {
    local f=$1 model n known=() count
    for model in candidate stable; do
        linked "$f" coedge pull "$(cloud_url "$f")/solder:$model" --trust "$f/release.pub" --retries 0 --quiet \
            -o "$f/$model.coedge" || return 0
        count=0
        for n in $(last_asked); do count=$((count + $(right "$f/$model.coedge" "$f/held-$n.tar"))); done
        known+=("$count")
    done
    count=0
    for n in $(last_asked); do count=$((count + $(count_of "$f/held-$n.tar"))); done
    echo "${known[*]} $count" >"$f/answer"
    coedge push --any "$f/answer" "$f/outbox/answer:next" --quiet
    coedge release promote "$f/outbox/answer:next" --any --channel "night-$night" --key "$f/$f.key" --quiet
}

# install FACTORY [OPTION...]: what its timer runs; exit 1: nothing for it, 5: no link, try again tomorrow
install() {
    local f=$1
    shift
    at "$f" coedge pull "$(cloud_url "$f")/solder:stable" --install --trust "$f/release.pub" --retries 0 --quiet "$@" 2>"$f/pull.log"
}

# ---- at the cloud ----

in_all() { # COMMAND [ARGUMENT...]: for each factory at once
    local f pids=()
    for f in $factories; do "$1" "$f" "${@:2}" & pids+=($!); done
    for f in "${pids[@]}"; do wait "$f" || exit; done
}
poison_of() { if [ "$1" = "${poisoned:-}" ]; then echo "$2"; else echo none; fi; }
one_round() { factory_round "$1" "$2" "$3" "$(poison_of "$1" "$4")"; }

# together CHANNEL POISON [OPTION...]: a night of rounds from cloud/CHANNEL.coedge, which becomes what they make; the
# options are aggregate's. Leaves who was left out, a line for each time, in cloud/CHANNEL.refused.
together() {
    local channel=$1 poison=$2 r f folder rc
    shift 2
    : >"cloud/$channel.refused"
    for r in $(seq $rounds); do
        folder=$(printf 'cloud/%s/round-%04d' "$channel" $((night * 10 + r)))
        mkdir -p "$folder"
        publish "cloud/$channel.coedge" "$channel" "night $night, round $r"
        in_all one_round "$channel" $((night * 10 + r)) "$poison"
        for f in $factories; do
            linked cloud coedge pull "$(factory_url "$f")/update:$channel" --retries 0 --quiet -o "$folder/$f.update" ||
                true
        done
        rc=0
        coedge aggregate --base "cloud/$channel.coedge" "$folder" --keys cloud/sites --min-updates 3 --keep-going "$@" \
            -o "cloud/$channel.next" 2>cloud/aggregate.log || rc=$?
        sed -n 's|^coedge aggregate: left out: [^:]*/\([^/:]*\)\.update: .*|\1|p' cloud/aggregate.log >>"cloud/$channel.refused"
        case $rc in
        0 | 8) mv "cloud/$channel.next" "cloud/$channel.coedge" ;;
        1) note "too few updates" ;;
        3) note "the updates make no model ($channel)" ;; # such as one that answers NaN: the one there was stays
        *) cat cloud/aggregate.log >&2; exit $rc ;;
        esac
    done
}

# what the channel means; a model that is far below the one that was checked the night before is taken back
look_after() {
    at cloud coedge pull cloud/registry/solder:stable --trust cloud/release.pub -o cloud/current.coedge --quiet
    [ -e cloud/checked.coedge ] || cp cloud/current.coedge cloud/checked.coedge
    if ! coedge eval cloud/current.coedge --data cloud/gate.tar --against cloud/checked.coedge --require 'accuracy>=0.9x' --json \
        --quiet >/dev/null 2>&1; then
        coedge release rollback cloud/registry/solder:stable --key cloud/release.key --message "below its predecessor on the gate" --quiet
        note "rolled back, without a person"
        at cloud coedge pull cloud/registry/solder:stable --trust cloud/release.pub -o cloud/current.coedge --quiet
    fi
}

# gate: does the candidate know as many boards as its predecessor? Asked are the cloud's public boards and the factories.
# Leaves true or false in verdict; false and far below: the nights to come begin again from what is released.
gate() {
    local f new old all a b n
    verdict=false
    new=$(right cloud/training.coedge cloud/asked.tar)
    old=$(right cloud/current.coedge cloud/asked.tar)
    all=$(count_of cloud/asked.tar)
    publish cloud/training.coedge candidate "night $night"
    in_all judge
    for f in $factories; do
        linked cloud coedge pull "$(factory_url "$f")/answer:night-$night" --trust "cloud/sites/$f.pub" --retries 0 --quiet \
            -o cloud/answer || continue
        grep -Eq '^[0-9]{1,6} [0-9]{1,6} [0-9]{1,6}$' cloud/answer || { note "$f answers nonsense"; continue; }
        read -r a b n <cloud/answer
        new=$((new + a)) old=$((old + b)) all=$((all + n))
    done
    [ "$new" -lt "$old" ] || verdict=true
    [ $((new * 100)) -ge $((old * 95)) ] || { cp cloud/current.coedge cloud/training.coedge; note "far below what is released"; }
    printf '{"night":%d,"candidate":%d,"predecessor":%d,"boards":%d,"released":%s}\n' "$night" "$new" "$old" "$all" $verdict >>gate.ndjson
}
