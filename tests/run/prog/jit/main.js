// SPDX-License-Identifier: BSD-2-Clause
// node: hot loops, JSON, regular expressions, closures, deoptimisation, WebAssembly, workers, child.
'use strict';
const {Worker, isMainThread, parentPort, workerData} = require('worker_threads');
const {execFileSync} = require('child_process');

// (func (export "sum") (param i32) (result i32)): n + (n - 1) + ... + 1
const WASM = new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x03, 0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x73, 0x75, 0x6d, 0x00, 0x00, 0x0a, 0x1b, 0x01,
    0x19, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x21, 0x01, 0x20, 0x00, 0x41,
    0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x01, 0x0b]);

function wasm() {
    const {sum} = new WebAssembly.Instance(new WebAssembly.Module(WASM)).exports;
    let s = 0;
    for (let i = 1; i < 2000; i++) s = (s + sum(i)) | 0;
    return s;
}

function json() {
    const rows = [];
    for (let i = 0; i < 3000; i++)
        rows.push({id: i, name: 'n' + i, tags: [i % 7, i % 11], on: i % 2 === 0});
    let text = '';
    for (let i = 0; i < 10; i++) text = JSON.stringify(JSON.parse(text || JSON.stringify(rows)));
    return text.length;
}

function patterns() {
    let found = 0;
    for (let i = 0; i < 300; i++) {
        const own = new RegExp('([a-z]+)-' + (i % 50) + '(?:\\d|x)*', 'g');
        found += ('abc-12x def-7 ghi-' + i + '99 ').repeat(10).replace(own, '<$1>').length;
    }
    return found;
}

function closures() {
    const makers = [];
    for (let k = 0; k < 400; k++)
        makers.push(new Function('a', 'b', `return a * ${k} + b % ${k + 1};`));
    let s = 0;
    for (let i = 0; i < 400000; i++) s = (s + makers[i % 400](i & 1023, i)) % 1000003;
    return s;
}

function change(o) { return o.v + 1; }      // optimised for small numbers, then given others

function deoptimise() {
    let s = 0;
    for (let i = 0; i < 200000; i++) s += change({v: i});
    for (let i = 0; i < 20000; i++) s += change({v: i + 0.5, w: 1});
    return s + change({v: 'a'}).length;
}

function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

const work = () => [wasm(), json(), patterns(), closures(), deoptimise(), fib(24)];

if (!isMainThread) {
    parentPort.postMessage(workerData + ': ' + work().join(' '));
} else {
    console.log('main:', work().join(' '));
    const told = [];
    for (let i = 0; i < 3; i++) {
        const worker = new Worker(__filename, {workerData: i});
        worker.on('message', m => told.push(m));
        worker.on('exit', () => {
            if (told.length < 3) return;
            console.log(told.sort().join('\n'));
            const child = ['-e', 'let s = 0; for (let i = 0; i < 2e6; i++) s = (s + i * 7) % 10007;' +
                'console.log(s)'];
            console.log(execFileSync(process.execPath, child).toString().trim());
            console.error('done');
            process.exitCode = 6;
            told.length = 0;
        });
    }
}
