#!/usr/bin/env node
// ONNX Runtime's part of scripts/bench/peers and export-nets; NODE_PATH says where onnxruntime-node is.
//
// usage: peer-onnxruntime.js time MODEL SHAPE THREADS SECONDS     {"median_ms": ..., "runs": ...}
//        peer-onnxruntime.js outputs MODEL IN SHAPE OUT LEVEL     f32 numbers; IN holds one or more inputs of SHAPE;
//                                                                 LEVEL of optimization: all, or disabled
//        peer-onnxruntime.js ranges MODEL IN SHAPE                {"value": [least, largest], ...} of its outputs
'use strict';
const ort = require('onnxruntime-node');
const fs = require('fs');

const sizes = (text) => text.split('x').map(Number);
const product = (shape) => shape.reduce((a, b) => a * b, 1);

function open(model, threads, level) {
  return ort.InferenceSession.create(model, { executionProviders: ['cpu'], intraOpNumThreads: threads,
    interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: level || 'all', logSeverityLevel: 3 });
}

function run(session, data, shape) {
  return session.run({ [session.inputNames[0]]: new ort.Tensor('float32', data, shape) });
}

function read(path) {
  const bytes = fs.readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

const commands = {
  async time(model, shapeText, threads, seconds) {
    const shape = sizes(shapeText), session = await open(model, Number(threads)), times = [];
    const data = Float32Array.from({ length: product(shape) }, () => 4 * Math.random() - 2);
    for (let i = 0; i < 5; i++) await run(session, data, shape);
    for (const end = performance.now() + 1000 * seconds; performance.now() < end || times.length < 10;) {
      const before = performance.now();
      await run(session, data, shape);
      times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    const half = times.length >> 1;
    const median = times.length % 2 ? times[half] : (times[half - 1] + times[half]) / 2;
    console.log(JSON.stringify({ median_ms: median, runs: times.length }));
  },

  async outputs(model, input, shapeText, output, level) {
    const shape = sizes(shapeText), session = await open(model, 1, level), data = read(input), parts = [];
    for (let at = 0; at < data.length; at += product(shape)) {
      const found = await run(session, data.subarray(at, at + product(shape)), shape);
      parts.push(Buffer.from(new Float32Array(found[session.outputNames[0]].data).buffer));
    }
    fs.writeFileSync(output, Buffer.concat(parts));
  },

  async ranges(model, input, shapeText) {
    const found = await run(await open(model, 1), read(input), sizes(shapeText)), ranges = {};
    for (const [name, tensor] of Object.entries(found)) {
      let least = Infinity, largest = -Infinity;
      for (const v of tensor.data) {
        least = Math.min(least, Number(v));
        largest = Math.max(largest, Number(v));
      }
      ranges[name] = [least, largest];
    }
    console.log(JSON.stringify(ranges));
  },
};

commands[process.argv[2]](...process.argv.slice(3)).catch((error) => {
  console.error('peer-onnxruntime: ' + error.message);
  process.exit(1);
});
