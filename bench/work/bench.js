// SPDX-License-Identifier: BSD-2-Clause
//
// About two seconds of node: JSON, regular expressions (V8 compiles them), closures that become hot
// and are optimised, classes, WebAssembly (modules that are compiled over and over, and one that
// runs long), and worker threads that do some of that at the same time. Ends with 1 unless what it
// computes is right.
'use strict';

const {Worker, isMainThread, parentPort, workerData} = require('worker_threads');

function json(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
        const list = Array.from({length: 40}, (_, k) => ({k, v: k * i}));
        const tree = {id: i, name: 'n' + i, list};
        const back = JSON.parse(JSON.stringify(tree));
        sum = (sum + back.list[i % 40].v + back.name.length) % 1000003;
    }
    return sum;
}

function regexps(n) {
    const text = 'The quick brown fox jumps over the lazy dog 12-34-5678 a@b.example '.repeat(20);
    let sum = 0;
    for (let i = 0; i < n; i++) {
        const word = new RegExp('(\\w+)\\s+(f\\w*|[a-z]{' + (i % 50 + 2) + ',})|(\\d+)-' + i, 'g');
        for (let k = 0; k < 10; k++)
            for (const found of (text + k).matchAll(word))
                sum = (sum + found.index + found[0].length) % 1000003;
        sum += text.replace(/([aeiou])(\w)/g, (all, a, b) => b + a).length % 7;
    }
    return sum;
}

// Functions that become hot one after the other, each compiled for itself.
function closures(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
        const f = new Function('x', 'y', 'let s = 0; for (let i = 0; i < x; i++)' +
            's = (s + i * y + ' + i + ') % 65521; return s;');
        const adders = [1, 2, 3].map(k => x => x + k + i);
        for (let k = 0; k < 150; k++)
            sum = (sum + adders[k % 3](f(500, k))) % 1000003;
    }
    return sum;
}

class Node {
    constructor(key) { this.key = key; this.left = this.right = null; }
    insert(key) {
        const side = key < this.key ? 'left' : 'right';
        if (this[side]) this[side].insert(key); else this[side] = new Node(key);
    }
    depth() {
        return 1 + Math.max(this.left ? this.left.depth() : 0, this.right ? this.right.depth() : 0);
    }
}

function trees(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
        const root = new Node(32768);
        for (let k = 0, key = i + 1; k < 4000; k++) {
            key = (key * 1103 + 12345) % 65521;
            root.insert(key);
        }
        sum += root.depth();
    }
    return sum;
}

// (func (export "fib") (param i32) (result i32)), with a constant that makes each module another
function module(constant) {
    return new WebAssembly.Module(Uint8Array.of(
        0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
        0x01, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,
        0x03, 2, 1, 0,
        0x07, 7, 1, 3, 0x66, 0x69, 0x62, 0, 0,
        0x0a, 31, 1, 29, 0,
        0x20, 0, 0x41, 2, 0x48, 0x04, 0x7f,
        0x41, constant & 63,
        0x05, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x20, 0, 0x41, 2, 0x6b, 0x10, 0, 0x6a, 0x0b, 0x01,
        0x0b));
}

function wasm(modules, n) {
    let sum = 0;
    for (let i = 0; i < modules; i++)
        sum += new WebAssembly.Instance(module(i)).exports.fib(12) % 1009;
    return sum + new WebAssembly.Instance(module(1)).exports.fib(n);
}

function works(part) {
    return {
        json: json(8000 * part), regexps: regexps(120 * part), closures: closures(80 * part),
        trees: trees(80 * part), wasm: wasm(20 * part, 33),
    };
}

function check(what, found, expected) {
    if (JSON.stringify(found) !== expected) {
        console.log(what + ': ' + JSON.stringify(found) + ', not ' + expected);
        process.exitCode = 1;
    }
}

const WHOLE = '{"json":80033,"regexps":318906,"closures":238675,"trees":6122,"wasm":5730868}';
const PART = '{"json":768837,"regexps":991628,"closures":735782,"trees":1509,"wasm":5709190}';

if (isMainThread) {
    check('main', works(3), WHOLE);
    for (let i = 0; i < 3; i++)
        new Worker(__filename, {workerData: 0.75})
            .on('message', found => check('worker', found, PART));
} else {
    parentPort.postMessage(works(workerData));
}
