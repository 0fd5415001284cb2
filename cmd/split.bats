load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "head and tail through a pipe give the answers of the whole" {
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,label,score >whole
    coedge infer head.coedge "$MADE/val.tar" | coedge infer tail.coedge - --emit key,label,score >parts
    cmp whole parts
}

@test "three parts chain" {
    coedge split "$MADE/model.coedge" --at relu1,pool3 -o 0.coedge,1.coedge,2.coedge
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,label,score >whole
    coedge infer 0.coedge "$MADE/val.tar" | coedge infer 1.coedge - | coedge infer 2.coedge - --emit key,label,score >parts
    cmp whole parts
}

@test "an 8-bit model is split too" {
    coedge quantize "$MADE/model.coedge" --calibrate "$MADE/train.tar" -o int8.coedge
    coedge split int8.coedge --at pool2 -o head.coedge,tail.coedge
    coedge infer int8.coedge "$MADE/val.tar" --emit key,label,score >whole
    coedge infer head.coedge "$MADE/val.tar" | coedge infer tail.coedge - --emit key,label,score >parts
    cmp whole parts
}

@test "the tail of another head answers 3" {
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    coedge split "$MADE/new.coedge" --at pool2 -o other.coedge,none.coedge
    coedge infer other.coedge "$MADE/val.tar" >other.tar
    run -3 coedge infer tail.coedge other.tar
}

@test "an unknown node is a usage error with the nearest as hint" {
    run -2 coedge split "$MADE/model.coedge" --at pol2 -o head.coedge,tail.coedge
    assert_line --index 0 --partial "no node 'pol2'"
    assert_line --index 1 "hint: did you mean 'pool2'?"
    [ ! -e head.coedge ]
}

@test "after the last node there is nothing to split off" {
    run -2 coedge split "$MADE/model.coedge" --at fc -o head.coedge,tail.coedge
    assert_output --partial "'fc' is the last node"
}

@test "as many files as parts, each another" {
    run -2 coedge split not-there.coedge --at pool2 -o head.coedge # what is wrong with the words is said before a file is read
    run -2 coedge split "$MADE/model.coedge" --at pool2 -o head.coedge
    assert_output --partial "makes 2 parts, --output names 1"
    run -2 coedge split "$MADE/model.coedge" --at pool2 -o a.coedge,a.coedge
    assert_output --partial "names 'a.coedge' twice"
    [ ! -e a.coedge ]
}

@test "when one part cannot be written none is left" {
    run -4 coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,/dev/full/tail.coedge
    [ ! -e head.coedge ]
}

@test "a part is not split again" {
    coedge split "$MADE/model.coedge" --at pool3 -o head.coedge,tail.coedge
    run -3 coedge split head.coedge --at pool1 -o a.coedge,b.coedge
    assert_output --partial "part 1 of 2 already"
}

@test "a gate holds for each part or no part is written" {
    run -0 coedge split "$MADE/model.coedge" --at pool2 --require 'size<=10000000' -o head.coedge,tail.coedge
    run -1 coedge split "$MADE/model.coedge" --at pool2 --require 'parameters<=1' -o x.coedge,y.coedge
    assert_output --partial "x.coedge: gate failed: parameters is"
    run -2 coedge split "$MADE/model.coedge" --at pool2 --require 'accuracy>=0.5' -o x.coedge,y.coedge
    assert_output --partial "judged only together"
    [ ! -e x.coedge ] && [ ! -e y.coedge ]
}

@test "an unknown node hints at the command that lists them" {
    run -2 coedge split "$MADE/model.coedge" --at elsewhere -o head.coedge,tail.coedge
    assert_output --partial "no node 'elsewhere'"
    assert_line --index 1 "hint: coedge inspect lists the nodes"
}
