# The world outside: the boards that each factory sees, night by night. Nothing here is known to the fleet.
#
# Leaves day-N.tar, and test.tar with tomorrow's boards, in each factory's folder; public.tar and gate.tar at the cloud.

factories="a b c d"

drift_of() { # of a factory's light: 0 to 1
    if [ "$night" -ge 8 ] && { [ "$1" = b ] || [ "$1" = c ]; }; then echo 0.9; else echo 0.3; fi
}
has_new() { [ "$night" -ge 17 ] || { [ "$night" -ge 14 ] && [ "$1" = c ]; }; }
is_cut() { [ "$1" = d ] && { [ "$night" -eq 26 ] || [ "$night" -eq 27 ]; }; }

# poison IN OUT: each class is called the next one
poison() {
    local kinds class
    rm -rf "$2.dir" && mkdir "$2.dir" && tar -xf "$1" -C "$2.dir"
    kinds=$(cat "$2.dir"/*.cls | sort -un | wc -l)
    for class in "$2.dir"/*.cls; do echo $((($(cat "$class") + 1) % kinds)) >"$class"; done
    (cd "$2.dir" && tar --format=ustar -cf "../${2##*/}.raw" .dataset.yaml $(ls -- *.cls *.png | sort))
    coedge dataset pack "$2.raw" -o "$2" --quiet
    rm -rf "$2.dir" "$2.raw"
}

# ---- drawn boards ----

draw() { # FACTORY COUNT SEED FILE
    local only=$classes
    ! has_new "$1" || only+=,$new_class
    coedge dataset synth solder --count "$2" --seed "$3" --site "$1" --drift "$(drift_of "$1")" --only "$only" -o "$4" --quiet
}

# ---- boards of one's own: --data DIR ----

# pack_own FOLDER LIST OUT old|new LEVEL: the samples whose keys are listed; old: without the new class
pack_own() {
    local names=own/classes.txt
    [ "$4" = new ] || names=own/old.txt
    awk -v kinds="$(wc -l <$names)" '$3 < kinds { print $2 ".cls"; print $2 ".png" }' "$2" >"$3.list"
    tar --format=ustar -C "$1" -cf "$3.part.tar" -T "$3.list"
    coedge dataset pack "$3.part.tar" --labels $names --privacy "$5" -o "$3" --quiet
    rm "$3.list" "$3.part.tar"
}
# deal FOLDER PARTS: "PART KEY CLASS" of each sample; a board, GROUP-BOARD-NNN, stays whole
deal() {
    (cd "$1" && grep -H '' -- *.cls) | sed 's/\.cls:/ /' | sort | awk -v parts="$2" '
        { split($1, k, "-"); board = k[1] "-" k[2] }
        !(board in part) { part[board] = n++ % parts + 1 }
        { print part[board], $1, $2 }'
}
unpack_own() {
    local f
    mkdir -p own
    cp "$data/classes.txt" own/classes.txt
    sed '$d' own/classes.txt >own/old.txt # the last class is the one unseen before night 14
    for f in $factories val test; do
        mkdir -p "own/$f"
        case $f in val | test) tar -xf "$data/$f.tar" -C "own/$f" ;; *) tar -xf "$data/train-factory-$f.tar" -C "own/$f" ;; esac
    done
    for f in $factories; do
        deal "own/$f" "$nights" >"own/$f.deal"
        # tomorrow's boards are those of the test set that are of this factory's groups
        cut -d ' ' -f 2 "own/$f.deal" | cut -d - -f 1 | sort -u >own/groups
        deal own/test 1 | awk 'NR == FNR { mine[$1]; next } { split($2, k, "-") } k[1] in mine' own/groups - >"own/$f.test"
    done
    deal own/val 2 >own/val.deal
    grep '^1 ' own/val.deal >own/val.1
    grep '^2 ' own/val.deal >own/val.2
}

# ---- what the script asks for ----

world_begins() {
    if [ -n "$data" ]; then
        unpack_own
        classes=$(paste -sd , own/old.txt) new_class=$(tail -n 1 own/classes.txt)
        input=1x64x64
        pack_own own/val own/val.1 cloud/public.tar old public
        pack_own own/val own/val.2 cloud/gate.tar old public
    else
        classes=good,insufficient,excess,bridge,void new_class=cold
        input=3x64x64
        coedge dataset synth solder --count 1000 --seed "$seed" --only $classes --privacy public -o cloud/public.tar --quiet
        coedge dataset synth solder --count 300 --seed $((seed + 1)) --only $classes --privacy public -o cloud/gate.tar --quiet
    fi
    printf '%s\n' ${classes//,/ } >cloud/labels
}

boards() { # FACTORY: of this night, and of tomorrow
    local kind=old
    if [ -n "$data" ]; then
        ! has_new "$1" || kind=new
        grep "^$night " "own/$1.deal" >"own/$1.today"
        pack_own "own/$1" "own/$1.today" "$1/day-$night.tar" $kind edge-private
        pack_own own/test "own/$1.test" "$1/test.tar" $kind edge-private
    else
        draw "$1" $boards_a_night $((seed * 1000 + night)) "$1/day-$night.tar"
        draw "$1" $boards_a_night $((seed * 1000 + 500 + night)) "$1/test.tar"
    fi
}
last_boards() { # FACTORY: many more of tomorrow's, for the numbers at the end
    [ -n "$data" ] || draw "$1" $((boards_a_night * 5)) $((seed * 1000 + 999)) "$1/test.tar"
}
