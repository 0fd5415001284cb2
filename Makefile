# coedge: one Makefile, not recursive. `make help` lists the targets.
#
#   make                  build/release/coedge
#   make MODE=asan        build/asan/coedge: the same with sanitizers (also tsan, cover)
#   make BLAS=none        build/release-noblas/coedge: without OpenBLAS, kernels of our own only
#   make ARCH=arm64       build/arm64-release/coedge: cross compiled for 64-bit ARM; or CROSS=aarch64-linux-gnu-
#   make test             unit tests, then program tests, of this MODE
#   make unit             unit tests only: each *_test.c
#   make bats             program tests only: each *.bats
#   make tests            build the unit tests, run none
#   make fuzz SECONDS=20  each *_fuzz.c on its corpus, so long each
#   make bench            each *_bench.c; prints TSV
#   make house            the house checks: layers, lengths, layout, banned calls
#   make tidy             clang-tidy over library and program; NODES=225000 looks four times as deep
#   make format           lay out all sources by .clang-format
#   make example          coedge.yaml.example anew, from the program
#   make cover            tests with MODE=cover, then lines covered per room
#   make install          PREFIX=/usr/local, DESTDIR=; LINKS=all adds coedge-COMMAND links
#   make uninstall        takes away what install put there
#   make clean            removes build/
#   make V=1              shows the commands

MODE    ?= release
BLAS    ?= openblas
PREFIX  ?= /usr/local
DESTDIR ?=
SECONDS ?= 20
LINKS   ?=
NODES   ?= 60000
VERSION := 0.1.0
ARCH    ?=
TRIPLE_arm64 := aarch64-linux-gnu
CROSS   ?= $(if $(ARCH),$(or $(TRIPLE_$(ARCH)),$(error ARCH is '$(ARCH)', expected arm64 or nothing))-)
ifneq ($(CROSS),)
CC      := $(CROSS)gcc
AR      := $(CROSS)ar
else ifeq ($(MODE),fuzz)
CC      := clang
endif
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
B       := build/$(if $(CROSS),$(patsubst aarch64,arm64,$(MACHINE))-)$(MODE)$(if $(filter none,$(BLAS)),-noblas)

comma := ,

# ---- libraries: third-party archives go in, glibc stays dynamic (1 ms to start) ----
PKG_CONFIG   ?= $(if $(CROSS),PKG_CONFIG_LIBDIR=/usr/lib/$(CROSS:-=)/pkgconfig:/usr/share/pkgconfig) pkg-config
ARCHIVES     := libarchive yaml-0.1 jansson libjpeg libpng libcrypto
BLAS_DIR     := $(shell $(CC) -print-multiarch 2>/dev/null)
BLAS_LIB     := /usr/lib/$(BLAS_DIR)/openblas-serial
LIBS_STATIC  := -larchive -lyaml -ljansson -ljpeg -lpng16 -lcrypto -lsodium -lz
LIBS_DYNAMIC := -lm -lpthread -ldl
ifeq ($(BLAS),openblas)
CPPFLAGS_BLAS := -DCOEDGE_OPENBLAS -I/usr/include/$(BLAS_DIR)/openblas-serial
LIBS_STATIC   += -L$(BLAS_LIB) -l:libopenblas.a
LIBS_DYNAMIC  += -lm
endif
LDLIBS := -Wl,-Bstatic $(LIBS_STATIC) -Wl,-Bdynamic $(LIBS_DYNAMIC)
# A hundred tests with OpenBLAS inside each would be gigabytes to link; they load it.
LDLIBS_TEST := $(subst -l:libopenblas.a,,$(LDLIBS)) $(if $(filter openblas,$(BLAS)),-L$(BLAS_LIB) -l:libopenblas.so.0 -Wl$(comma)-rpath$(comma)$(BLAS_LIB))

# ---- flags ----
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wno-format-truncation -Werror
CPPFLAGS += -Ilib -I. -D_GNU_SOURCE -DCOEDGE_VERSION='"$(VERSION)"' \
            $(CPPFLAGS_BLAS) $(shell $(PKG_CONFIG) --cflags $(ARCHIVES))
CFLAGS_release := -O2 -g
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                  -fno-sanitize-recover=undefined -DCOEDGE_FAULTS
CFLAGS_tsan    := -O1 -g -fsanitize=thread -DCOEDGE_FAULTS
CFLAGS_cover   := -O0 -g --coverage -DCOEDGE_FAULTS
# The compiler of the fuzzers is not the one whose warnings gate; -w keeps it to its task.
CFLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                  -fno-sanitize-recover=undefined -D__SANITIZE_ADDRESS__=1 -w
ifeq ($(origin CFLAGS_$(MODE)),undefined)
$(error MODE is '$(MODE)', expected release, asan, tsan, cover or fuzz)
endif
CFLAGS  += -std=c17 -ffp-contract=off $(WARN) $(CFLAGS_$(MODE)) -fno-math-errno
LDFLAGS += $(filter -fsanitize% --coverage,$(CFLAGS_$(MODE)))
ifeq ($(MODE),asan) # at a fixed address it starts in two thirds of the time, and the tests start it ten thousand times
CFLAGS  += -fno-pie
LDFLAGS += -no-pie
endif

# A folder of kernels is named after its instruction set, and compiled for it; under sanitizers in a fifth of the time.
KERN_O                 := $(if $(filter release,$(MODE)),-O3,-O1)
CFLAGS_kern            := $(KERN_O) -fno-trapping-math
CFLAGS_train           := $(if $(filter release,$(MODE)),-O3)
CFLAGS_kern/x86-avx2   := $(KERN_O) -mavx2 -mfma -ffp-contract=fast -fno-trapping-math
CFLAGS_kern/x86-avxvnni := $(CFLAGS_kern/x86-avx2) -mavxvnni
CFLAGS_kern/x86-avx512 := $(KERN_O) -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma \
                          -mprefer-vector-width=512 -ffp-contract=fast -fno-trapping-math
CFLAGS_kern/x86-vnni   := $(CFLAGS_kern/x86-avx512) -mavx512vnni
CFLAGS_kern/x86-vbmi   := $(CFLAGS_kern/x86-vnni) -mavx512vbmi
# For a Cortex-A55, which takes instructions in turn. Sources say what is loaded when: numbers of many pixels fetched ahead
# would drive sums out of the registers. No pairs of loads, which hold up what follows.
IN_TURN                := -fno-schedule-insns -fno-peephole2
CFLAGS_kern/arm-neon   := $(KERN_O) -mtune=cortex-a55 -ffp-contract=fast -fno-trapping-math
CFLAGS_kern/arm-dot    := $(CFLAGS_kern/arm-neon) -march=armv8.2-a+dotprod $(IN_TURN)
CFLAGS_kern/arm-i8mm   := $(CFLAGS_kern/arm-neon) -march=armv8.2-a+dotprod+i8mm $(IN_TURN)
ifeq ($(MODE),fuzz)
# clang is minutes over each of these under sanitizers; fuzzers run the kernels of the other folders.
CFLAGS_kern/x86-avx512 += -fno-sanitize=all -O1
CFLAGS_kern/x86-vnni   += -fno-sanitize=all -O1
CFLAGS_kern/x86-vbmi   += -fno-sanitize=all -O1
CFLAGS_kern/x86-avxvnni += -fno-sanitize=all -O1
endif

# ---- what there is ----
ALL      := $(wildcard lib/*/*.c lib/*/*/*.c)
ALL      := $(filter-out $(if $(filter x86_64,$(MACHINE)),,lib/kern/x86-%) $(if $(filter aarch64,$(MACHINE)),,lib/kern/arm-%),$(ALL))
LIB_SRC  := $(filter-out %_test.c %_fuzz.c %_bench.c,$(ALL))
TEST_SRC := $(filter %_test.c,$(ALL) $(wildcard cmd/*.c))
FUZZ_SRC := $(filter %_fuzz.c,$(ALL))
BENCH_SRC:= $(filter %_bench.c,$(ALL))
CMD_SRC  := $(filter-out %_test.c,$(wildcard cmd/*.c))

LIB_OBJ  := $(LIB_SRC:%.c=$B/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$B/%.o)
TESTS    := $(TEST_SRC:%.c=$B/%)
FUZZERS  := $(FUZZ_SRC:%.c=$B/%)
BENCHES  := $(BENCH_SRC:%.c=$B/%)
BATS     := $(wildcard cmd/*.bats cmd/*/*.bats man/*.bats scripts/*.bats)

.PHONY: all test tests unit bats bench fuzz fuzzers house tidy format example cover \
        install uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:
all: $B/coedge

# One short line for each step; V=1 shows the commands.
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $(1) $@';)

# Changing flags rebuilds: every object depends on this stamp.
STAMP := $(CC) $(CPPFLAGS) $(CFLAGS) $(BLAS) $(LDLIBS)
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(STAMP))' | cmp -s - $@ || echo '$(subst ','\'',$(STAMP))' >$@

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(patsubst lib/%/,%,$(dir $<))) -MMD -MP -c -o $@ $<

$B/libcoedge.a: $(LIB_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,ar)$(AR) rcs $@ $^

$B/coedge: $(CMD_OBJ) $B/libcoedge.a
	$(call say,ld)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(CMD_OBJ) $B/libcoedge.a $(LDLIBS)

$B/%_test: $B/%_test.o $B/libcoedge.a
	$(call say,ld)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libcoedge.a -lcmocka $(LDLIBS_TEST)

# Vectors wider than this machine's, taken apart by the compiler: sanitizers on top of that cost it ten minutes. Its
# buffers end at guard pages anyway.
$B/lib/kern/block_wide_test.o: private CFLAGS += -fno-sanitize=all

$B/lib/kern/arm-neon/block_integer.o: private CFLAGS += $(IN_TURN)
$B/lib/kern/arm-neon/block.o: private CFLAGS += -fno-peephole2

# Tests of the table of commands link every command, but not main.
$B/cmd/%_test: $B/cmd/%_test.o $(filter-out $B/cmd/main.o,$(CMD_OBJ)) $B/libcoedge.a
	$(call say,ld)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka $(LDLIBS_TEST)

$B/%_bench: $B/%_bench.o $B/libcoedge.a
	$(call say,ld)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libcoedge.a $(LDLIBS_TEST)

$B/%_fuzz: $B/%_fuzz.o $B/libcoedge.a
	$(call say,ld)$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $B/libcoedge.a $(LDLIBS_TEST)

# ---- tests: TAP, collected by prove ----
tests: $(TESTS)
test: $(TESTS) $B/coedge
	scripts/prove $B $(TESTS) $(BATS)
unit: $(TESTS)
	scripts/prove $B $(TESTS)
bats: $B/coedge
	scripts/prove $B $(BATS)

ifeq ($(MODE),fuzz)
fuzzers: $(FUZZERS)
fuzz: $(FUZZERS)
	scripts/fuzz $(SECONDS) $(FUZZERS)
else
fuzz fuzzers:
	@$(MAKE) --no-print-directory MODE=fuzz $@
endif

ifeq ($(MODE),cover)
cover: test
	scripts/cover $B
else
cover:
	@$(MAKE) --no-print-directory MODE=cover $@
endif

bench: $(BENCHES)
	@for bench in $(BENCHES); do $$bench || exit 1; done

house:
	scripts/check-house
# The analyser sees one file at a time; scripts/tidy.h tells it that failures return -1. NODES are what it may look at
# for a function: its own 225000 take three times as long for all files together.
tidy: $(patsubst %.c,$B/%.tidy,$(LIB_SRC) $(CMD_SRC))
$B/%.tidy: %.c $B/%.o .clang-tidy scripts/tidy.h
	$(call say,tidy)clang-tidy --quiet $< -- $(CPPFLAGS) -std=c17 $(filter -m%,$(CFLAGS_$(patsubst lib/%/,%,$(dir $<)))) \
	    $(if $(filter lib/base/error.c lib/base/tree.c,$<),,-include scripts/tidy.h) \
	    -Xclang -analyzer-config -Xclang max-nodes=$(NODES) 2>/dev/null
	@touch $@
# coedge.yaml.example is the program's own; a test compares them.
example: $B/coedge
	$B/coedge help --config-example >coedge.yaml.example
format:
	clang-format -i $(wildcard lib/*/*.[ch] lib/*/*/*.[ch] cmd/*.[ch])

# ---- install: what the option tables know is printed by the program itself ----
BIN      := $(DESTDIR)$(PREFIX)/bin
SHARE    := $(DESTDIR)$(PREFIX)/share
MAN      := $(wildcard man/*.[1-8])
COMMANDS := $(subst _,-,$(shell sed -n 's/^extern const struct command cmd_\([a-z_]*\);.*/\1/p' cmd/commands.h))

install: $B/coedge
	install -D -m 755 $B/coedge $(BIN)/coedge
	scripts/install-pages $B/coedge $(SHARE) $(MAN)
	$(if $(filter all,$(LINKS)),for name in $(COMMANDS); do ln -sf coedge $(BIN)/coedge-$$name; done)

uninstall:
	rm -f $(BIN)/coedge
	find $(BIN) -maxdepth 1 -type l -name 'coedge-*' -lname coedge -delete
	rm -f $(foreach page,$(notdir $(MAN)),$(SHARE)/man/man$(patsubst .%,%,$(suffix $(page)))/$(page))
	rm -f $(SHARE)/bash-completion/completions/coedge $(SHARE)/zsh/site-functions/_coedge
	rm -f $(SHARE)/fish/vendor_completions.d/coedge.fish

help:
	@sed -n 's/^#   //p' Makefile

clean:
	rm -rf build

# What `coedge version` tells. Asked only when version.o is made.
$B/cmd/version.o $B/cmd/version.tidy: private CPPFLAGS += -DCOEDGE_COMPILER='"$(shell $(CC) --version | head -n 1)"' \
    -DCOEDGE_FLAGS='"$(CFLAGS_$(MODE))"' -DCOEDGE_LIBRARIES='"$(LIBRARIES)"'
LIBRARIES = $(shell for l in $(ARCHIVES); do echo "$$l $$($(PKG_CONFIG) --modversion $$l),"; done) \
    $(if $(filter openblas,$(BLAS)),openblas $(shell sed -n 's/.*OPENBLAS_VERSION " OpenBLAS \([0-9.]*\) ".*/\1/p' \
    /usr/include/$(BLAS_DIR)/openblas-serial/openblas_config.h),no openblas)

-include $(shell find $B -name '*.d' 2>/dev/null)
