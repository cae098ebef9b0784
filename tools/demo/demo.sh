#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh BUILD: an attack and some ordinary work, natively and under cmrun, side by side.

set -eu

build=$(realpath --relative-to=. -- "$1")
readonly build
readonly here=${0%/*}
readonly cmrun=$PWD/$build/tools/cmrun/cmrun
work=$(mktemp -d)
readonly work
trap 'rm -rf "$work"' EXIT

python=/usr/bin/python3
[[ -x $python ]] || python=$(command -v python3)

bold='' plain=''
if [[ -t 1 ]]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

title() {
	printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"
}

row() {
	printf '  %-24s %-32s %s\n' "$@"
}

# attack NAME PROG...: what it says natively and under cmrun; reports are kept for later
attack() {
	local name=$1 native ours
	shift
	native=$("$@" 2>&1) || true
	ours=$("$cmrun" -- "$@" 2>"$work/err") || true
	grep '^cookiemap' "$work/err" >>"$work/reports" || true
	ours+=$(grep -v '^cookiemap' "$work/err" || true)
	row "$name" "$native" "$ours"
}

milliseconds() {
	local start=${EPOCHREALTIME/[.,]/}
	"$@" >"$work/out" 2>&1 </dev/null || printf 'status %d\n' $? >>"$work/out"
	printf '%s' $(((${EPOCHREALTIME/[.,]/} - start) / 1000))
}

# ordinary NAME PROG...: its times and whether it said the same
ordinary() {
	local name=$1 native ours same='the same output'
	shift
	milliseconds "$@" >/dev/null # so that neither run has to wait for the disk
	native=$(milliseconds "$@")
	cp "$work/out" "$work/native"
	ours=$(milliseconds "$cmrun" -- "$@")
	cmp -s "$work/out" "$work/native" || same='DIFFERENT OUTPUT'
	row "$name" "$native ms" "$ours ms, $same"
}

hello() {
	cat >"$work/hello.c" <<-'END'
		#include <stdio.h>
		int main(void) { puts("hello"); return 0; }
	END
	printf '%s' "cd $work && gcc -O2 -o hello hello.c && ./hello"
}

repository() {
	printf '%s' "rm -rf $work/r && git init -q -b main $work/r && cd $work/r && seq 9000 >f &&
		git add f && GIT_COMMITTER_DATE='2020-01-01T00:00Z' git -c user.name=a -c user.email=a@b \
		commit -qm one --date=2020-01-01T00:00Z && git log --stat && git fsck && git gc -q"
}

title 'An attack: six bytes of machine code are written to memory and called'
: >"$work/reports"
row '' natively 'under cmrun'
attack "$(basename "$python"), unmodified" "$python" "$here/inject.py"
attack 'a static binary' "$build/tools/demo/inject"

title 'What was reported'
fold -s -w 96 "$work/reports" | sed -e '/^cookiemap/!s/^/    /' -e 's/^/  /'

title 'Ordinary programs, as they are, and their times'
row '' natively 'under cmrun'
ordinary 'git: commit, log, gc' bash -c "$(repository)"
ordinary 'gcc, and what it made' bash -c "$(hello)"
ordinary 'python3: a JSON of 1 MB' "$python" -c \
	'import json, hashlib; t = json.dumps(list(range(150000))); print(hashlib.sha1(t.encode()).hexdigest(), len(json.loads(t)))'

title 'Next'
cat <<END
  ./bootstrap run -- PROG ARG...             any program of yours, and all that it starts
  $build/tools/cmrun/cmrun --profile=strict -- PROG ARG...
                                             the same, with everything refused that can be
  $build/tools/cmpolicy/cmpolicy explain PROG
                                             which policy it gets, and why
  ./bootstrap test                           every attack that is stopped, and every program tried
END
