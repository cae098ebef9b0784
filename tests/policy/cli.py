#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""cmpolicy from outside: what it says, where, and with which status.

Usage: cli.py CMPOLICY SOURCE-FOLDER
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

CMPOLICY, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
APPS = os.path.join(SOURCE, "policy", "apps")
TMP = tempfile.mkdtemp(prefix="cookiemap-cmpolicy-")
results = []


def run(*args, program=CMPOLICY, stdout=subprocess.PIPE, **env):
    """Status, output and errors, with only the policies of `shipped` and `config` around."""
    full = {"PATH": "/usr/bin:/bin", "CM_POLICY_DIR": APPS, "XDG_CONFIG_HOME": TMP + "/none"}
    full.update(env)
    p = subprocess.run([program, *args], stdout=stdout, stderr=subprocess.PIPE, text=True,
                       env={k: v for k, v in full.items() if v is not None}, check=False)
    return p.returncode, p.stdout, p.stderr


def put(name, text):
    path = os.path.join(TMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def claim(name, holds, *seen):
    results.append(bool(holds))
    print("%s %d - %s" % ("ok" if holds else "not ok", len(results), name))
    if not holds:
        print("# saw: %r" % (seen,))


def without_comments(text):
    return re.sub(r"// .*", "", text)


def test_check():
    good, bad = put("good.policy", 'raw = "deny";'), put("bad.policy", 'raw = "dny";\nfoo = 1;')
    got = run("check", good)
    claim("sound file passes in silence", got == (0, "", ""), got)
    got = run("check", bad, good)
    claim("faults have file, line, expected, found and nearest word", got == (
        1, "", '%s:1: raw: expected police, log, deny or kill, found "dny"; did you mean "deny"?\n'
        "%s:2: foo: unknown key\n" % (bad, bad)), got)
    worse = put("worse.policy", 'modules = ( { name = "a"; seal: { vdso = true; text = "no"; };'
                ' } );\nseal: { late = "allways"; };')
    got = run("check", worse)
    claim("faults of seals are told, in modules too", got == (
        1, "", "%s:1: seal.vdso: cannot be set for a module; expected wx.map, wx.transition, "
        "seal.text, seal.relro, seal.data, seal.late, foreign.replace, foreign.unmap, "
        "foreign.protect or fixed.replace\n"
        "%s:1: seal.text: expected true or false, found a string\n"
        '%s:2: seal.late: expected never, nodelete or always, found "allways"; '
        'did you mean "always"?\n' % (worse, worse, worse)), got)
    got = run("check", TMP + "/none.policy")
    claim("missing file is named", got[0] == 1 and "none.policy: No such file" in got[2], got)


def test_shipped():
    names = sorted(os.listdir(APPS))
    got = run("check", *[os.path.join(APPS, n) for n in names])
    claim("shipped policies are sound", names and got == (0, "", ""), got)
    with open(os.path.join(SOURCE, "policy", "meson.build"), encoding="utf-8") as f:
        build = f.read()
    missing = [n for n in names if "'apps/%s'" % n not in build]
    claim("shipped policies are installed, all of them", not missing, missing)
    code, out, _ = run("list")
    missing = [n for n in names if not re.search(
        r"^%s\s+system\s+\S+/%s /" % (n[:-len(".policy")], n), out, re.M)]
    claim("list has every shipped policy with its patterns", code == 0 and not missing, missing)
    claim("list has the profiles", re.match(r"default\s.*\nstrict\s.*\naudit\s", out), out)


def test_show():
    mine = put("mine.policy", 'extends = "strict"; exe = [ "/opt/x" ];\nwx: { map = "kill"; };\n'
               'modules = ( { name = "a*"; wx: { map = "log"; }; } );')
    for args in (["--profile", "default"], ["--profile=strict"], ["--profile", "audit"], [mine]):
        code, out, err = run("show", *args)
        again = run("show", put("shown.policy", out))
        claim("what show %s writes is the same policy" % args[0][-20:],
              code == 0 and not err and again[0] == 0 and "raw = " in out
              and without_comments(again[1]) == without_comments(out), out, err, again)
    out = run("show", mine)[1]
    claim("show knows where every value is from",
          '    map = "kill";' in out and "// %s:2\n" % mine in out and "// strict\n" in out
          and re.search(r'exe = \[ .*mine.policy:1', out), out)
    bare = [line for line in out.splitlines() if " = " in line and "// " not in line and line != "modules = ("]
    claim("show leaves no value without a source", not bare, bare)
    grade = put("grade.policy", 'wx: {\n writers = "none";\n inspect = "deny"; };')
    out = run("show", grade)[1]
    claim("show knows who writes to generated code and whether it is inspected",
          re.search(r' writers = "none"; +// %s:2\n' % grade, out)
          and re.search(r' inspect = "deny"; +// %s:3\n' % grade, out)
          and ' writers = "module";' in run("show", "--profile", "strict")[1]
          and ' inspect = "log";' in run("show", "--profile", "audit")[1], out)
    seals = put("seals.policy", 'seal: { data = false;\n late = "always"; discard = "notify"; };\n'
                'modules = ( { name = "libx.so.*";\n seal: { text = false; late = "never"; };\n'
                ' wx: { map = "log"; }; } );')
    code, out, err = run("show", seals)
    claim("show knows what is sealed, of modules too", code == 0 and not err
          and re.search(r"^seal: \{\n    text = true; +// default\n    relro = true; +// default\n"
                        r"    data = false; +// %s:1\n    vdso = true; +// default\n"
                        r'    late = "always"; +// %s:2\n    discard = "notify"; +// %s:2\n\};\n'
                        % (seals, seals, seals), out, re.M)
          and re.search(r'\{ name = "libx.so.\*"; +// %s:3\n      seal: \{\n'
                        r"        text = false; +// %s:4\n"
                        r'        late = "never"; +// %s:4\n      \};\n      wx: \{\n'
                        % (seals, seals, seals), out), out, err)
    claim("show has the modules that the default profile ships, and strict has none",
          re.search(r'^    \{ name = "/usr/lib/chromium/chromium"; +// jit.policy:\d+\n'
                    r"      seal: \{\n        data = false; +// jit.policy:\d+\n",
                    run("show")[1], re.M)
          and "modules =" not in run("show", "--profile", "strict")[1], run("show"))
    again = run("show", put("shown.policy", out))
    claim("what show writes of seals is the same policy",
          again[0] == 0 and without_comments(again[1]) == without_comments(out), out, again)
    claim("show alone shows default", run("show")[1] == run("show", "--profile", "default")[1])


def test_explain():
    user = TMP + "/config"
    put("config/cookiemap/policy.d/mygit.policy", 'exe = [ "/usr/bin/git" ];\nraw = "kill";')
    git = os.path.join(TMP, "usr-bin-git")
    os.symlink("/usr/bin/git", git)
    code, out, err = run("explain", "git", XDG_CONFIG_HOME=user)
    claim("explain names the system's and the user's file",
          code == 0 and not err and "// program: /usr/bin/git\n" in out
          and re.search(r'// system: \S+/git.policy:\d+, exe "/usr/bin/git"\n', out)
          and re.search(r'// user: \S+/mygit.policy:1, exe "/usr/bin/git"\n', out)
          and re.search(r'raw = "kill"; +// \S+/mygit.policy:2\n', out), out, err)
    put("config/cookiemap/policy.d/mygit.policy",
        'exe = [ "/usr/bin/git" ];\nmodules = ( { name = "libz.so.*"; seal: { text = false; }; } );')
    code, out, err = run("explain", "git", XDG_CONFIG_HOME=user)
    claim("explain says what is sealed of a module, which a user cannot loosen",
          code == 0 and not err and re.search(
              r'\{ name = "libz.so.\*"; +// \S+/mygit.policy:2\n      seal: \{\n'
              r"        text = true; +// default\n", out), out, err)
    claim("explain follows links", run("explain", git)[1] == run("explain", "/usr/bin/git")[1])
    out = run("explain", "true")[1]
    claim("explain says when no file is for a program", "// system: no file" in out, out)
    got = run("explain", "no-such-program")
    claim("explain needs a program that exists", got[0] == 1 and "no-such-program: No such" in got[2],
          got)


def test_compile():
    out = os.path.join(TMP, "out.blob")
    got = run("compile", os.path.join(APPS, "git.policy"), "-o", out)
    with open(out, "rb") as f:
        magic = f.read(4)
    claim("compile writes the compiled form", got == (0, "", "") and magic == b"CKMB", got, magic)
    with open(out, "rb") as f:
        plain = f.read()
    got = run("compile", put("sealed.policy", 'modules = ( { name = "libnone.so"; seal: '
                             '{ text = false; late = "never"; }; } );'), "-o", out)
    with open(out, "rb") as f:
        sealed = f.read()
    claim("compile writes what modules say of seals", got == (0, "", "") and b"libnone.so\0" in sealed
          and b"libnone.so\0" not in plain, got)
    os.unlink(out)
    got = run("compile", put("bad.policy", "raw = 1;"), "-o", out)
    claim("compile writes nothing of a faulty policy", got[0] == 1 and not os.path.exists(out), got)
    # By a link, so that a fault would remove the link and not the machine's device.
    full = os.path.join(TMP, "full")
    os.symlink("/dev/full", full)
    got = run("compile", os.path.join(APPS, "git.policy"), "-o", full)
    claim("compile says when it cannot write", got[0] == 1 and "/full: No space" in got[2], got)
    claim("compile removes no device", os.path.lexists(full))


def test_usage():
    for args, says in (
            ([], "expected a command; see cmpolicy --help"),
            (["shwo"], 'unknown command "shwo"; did you mean "show"?'),
            (["zzzz"], 'unknown command "zzzz"; see cmpolicy --help'),
            (["--versoin"], 'unknown option "--versoin"; did you mean "--version"?'),
            (["show", "--profil", "x"], 'unknown option "--profil"; did you mean "--profile"?'),
            (["show", "--profile"], "--profile: expected a value"),
            (["show", "a", "b"], 'show: unexpected argument "b"'),
            (["show", "--profile", "strict", "a"], "show: expected a profile or a file, found both"),
            (["check"], "check: expected an argument; see cmpolicy --help"),
            (["compile", "a"], "compile: expected -o OUT")):
        got = run(*args)
        claim("usage: %s" % " ".join(args), got == (2, "", "cmpolicy: %s\n" % says), got)
    got = run("show", "--profile", "strct")
    claim("unknown profile gets the nearest", got[0] == 1 and 'did you mean "strict"?' in got[2], got)
    got = run("--help")
    claim("help is asked for and goes to standard output", got[0] == 0 and "usage:" in got[1], got)
    got = run("--version")
    claim("version", got[0] == 0 and re.fullmatch(r"cmpolicy \d+\.\d+\.\d+\n", got[1]), got)
    with open("/dev/full", "w", encoding="utf-8") as full:
        got = run("show", stdout=full)
    claim("output that cannot be written is an error", got[0] == 1 and "cannot write" in got[2], got)


def test_prefix():
    """A copy in a prefix of its own finds that prefix's policies."""
    os.makedirs(TMP + "/prefix/bin")
    moved = shutil.copy(CMPOLICY, TMP + "/prefix/bin/cmpolicy")
    put("prefix/share/cookiemap/policy.d/here.policy", 'exe = [ "/opt/here" ];')
    code, out, err = run("list", program=moved, CM_POLICY_DIR=None)
    claim("shipped policies are found from the running program",
          code == 0 and re.search(r"^here\s+system\s+%s/prefix/share/" % TMP, out, re.M), out, err)
    put("prefix/share/cookiemap/policy.d/bad.policy", "nonsense")
    code, out, err = run("list", program=moved, CM_POLICY_DIR=None)
    claim("one faulty policy in a folder is an error of every command",
          code == 1 and not out and "bad.policy:1: syntax error\n" in err, out, err)


try:
    for test in (test_check, test_shipped, test_show, test_explain, test_compile, test_usage,
                 test_prefix):
        test()
finally:
    shutil.rmtree(TMP)
print("1..%d" % len(results))
sys.exit(not all(results))
