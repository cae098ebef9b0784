#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""cmpolicy(5) tells of every key that this version honours: its words and what each profile says.

Usage: manual.py SOURCE-FOLDER
"""

import os
import re
import sys

ROOT = os.path.abspath(sys.argv[1])


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def keys_of(header):
    """name → (type, default, strict, audit) of POLICY_KEYS."""
    row = re.compile(r'X\(\w+, "([\w.]+)", (\w+), "(\w*)", "(\w*)", "(\w*)"\)')
    return {m[0]: m[1:] for m in row.findall(header)}


def types_of(header):
    """type → its words, loosest first."""
    verdicts = re.search(r"#define VERDICT_WORDS (.*)", header)[1]
    types = {}
    for name, mask, words in re.findall(r"X\((\w+), (\w+), (.*)\)", header):
        all_words = re.findall(r'"(\w+)"', words.replace("VERDICT_WORDS", verdicts))
        types[name] = [w for i, w in enumerate(all_words) if int(mask, 16) >> i & 1]
    return types


def overridable_of(source, listed):
    """The names of the keys that policy_key_overridable() admits."""
    body = re.search(r"^bool policy_key_overridable\(.*?^\}", source, re.M | re.S)[0]
    names = dict(re.findall(r'X\((\w+), "([\w.]+)"', listed))
    return [names[key] for key in re.findall(r"case KEY_(\w+):", body)]


def faults_of_modules(manual, overridable):
    part = manual.partition(".Ss Modules\n")[2].partition(".Ss ")[0]
    said = re.findall(r"^\.Ic (\w+\.\w+)", part, re.M)
    for key in set(overridable) ^ set(said):
        yield "%s: %s the keys of modules" % (key, "among" if key in said else "missing from")


def faults_of(manual, keys, types):
    said = dict(re.findall(r"^\.It Ic ([\w.]+)\n((?:(?!\.It |\.El).*\n)*)", manual, re.M))
    rows = {m[0]: list(m[1:]) for m in re.findall(
        r"^\.It Ic ([\w.]+) Ta (\S+) Ta (\S+) Ta (\S+)$", manual, re.M)}
    for key, (kind, *profiles) in keys.items():
        if kind == "LATER":
            if key in said or key in rows:
                yield "%s: documented as if it were honoured" % key
            continue
        if key not in said:
            yield "%s: no entry" % key
            continue
        first = said[key].split("\n")[0]
        if types[kind] and sorted(re.findall(r"\w+", first)[1:]) != sorted(types[kind]):
            yield "%s: expected the words %s, found %s" % (key, " ".join(types[kind]), first)
        want = ["shipped" if key == "wx.jit" and not i else p or "[]"
                for i, p in enumerate(profiles)]
        if rows.get(key) != want:
            yield "%s: expected the profiles %s, found %s" % (key, want, rows.get(key))
    of_later = manual.partition(".Ss Keys of later versions")[2]
    later = set(re.findall(r"^\.Ic ([\w.]+)", of_later, re.M))
    for key, (kind, *_) in keys.items():
        if (kind == "LATER") != bool(later & {key, key.split(".")[0]}):
            yield "%s: %s among the keys of later versions" % (
                key, "missing" if kind == "LATER" else "found")
    for key in rows:
        if key not in keys:
            yield "%s: documented, but there is no such key" % key


def main():
    listed = text_of("policy", "key.h").replace(" CM_PATCH", ' "true"')  # the build's usual word
    keys, types = keys_of(listed), types_of(text_of("policy", "type.h"))
    manual = text_of("man", "cmpolicy.5")
    named = listed.count("X(") - 2  # the macro's own, and the enum's
    overridable = overridable_of(text_of("policy", "open.c"), listed)
    faults = list(faults_of(manual, keys, types)) + list(faults_of_modules(manual, overridable))
    if len(keys) < 40 or abs(named - len(keys)) > 2:
        faults.append("expected all keys of policy/key.h, understood %d of %d" % (len(keys), named))
    # The test can fail: a manual is found that lost a key, has another word or another profile,
    # counts a key of this version among the later ones or forgets a later one; or one of modules.
    for wrong in (manual.replace(".It Ic wx.map\n", ".It Ic wx.mop\n"),
                  manual.replace(".Cm police log deny kill .", ".Cm police log deny ."),
                  manual.replace("raw Ta police", "raw Ta deny"),
                  manual.replace(".Ic wx.freeze ,\n", ".Ic wx.freeze\nand\n.Ic wx.writers ,\n"),
                  manual.replace(".Ic wx.freeze ,\n", "")):
        if not list(faults_of(wrong, keys, types)):
            faults.append("a wrong manual passes")
    for wrong in (manual.replace(".Ic seal.relro ,\n", ""),
                  manual.replace(".Ic seal.relro ,\n", ".Ic seal.relro ,\n.Ic seal.vdso ,\n")):
        if len(overridable) < 8 or not list(faults_of_modules(wrong, overridable)):
            faults.append("a manual that is wrong about modules passes")
    for fault in faults:
        print(fault)
    print("%d passed, %d failed" % (len(keys) - min(len(faults), len(keys)), len(faults)))
    return bool(faults)


sys.exit(main())
