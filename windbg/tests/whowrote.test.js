// Tests of whowrote.js over the memory of the real driver in the simulator; `cargo xtask test debugger` takes it and runs
// them. WHOWROTE_MEMORY names the folder with held.mem, and UPDATE=1 writes snapshots.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const { Debugger, Int64 } = require("./debugger.js");
const { Memory } = require("./memory.js");

const folder = process.env.WHOWROTE_MEMORY;
if (folder === undefined) {
    throw new Error("WHOWROTE_MEMORY names no folder; run `cargo xtask test debugger`");
}
const held = Memory.load(path.join(folder, "held.mem"));

const COMMANDS = [["whowrote"], ["whowrote.ring"], ["whowrote.ring", 2], ["whowrote.writes", "notepad"],
    ["whowrote.writes", 3756], ["whowrote.writes", "photo"], ["whowrote.files"], ["whowrote.processes"], ["whowrote.volumes"]];

/// What differs from run to run: addresses.
function settled(output) {
    return output.replace(/0x[0-9a-f]{9,16}/g, "0x…");
}

function snapshot(name, output) {
    const file = path.join(__dirname, "snapshots", `${name}.txt`);
    if (process.env.UPDATE === "1") {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, output);
    }
    assert.strictEqual(output, fs.readFileSync(file, "utf8"));
}

function run(memory, [alias, ...parameters]) {
    return new Debugger(memory).run(alias, ...parameters);
}

/// The memory with one thing changed.
function damaged(change) {
    const memory = held.copy();
    change(memory, memory.header());
    return memory;
}

for (const command of COMMANDS) {
    const name = command.join("-").replace("whowrote.", "");
    test(`snapshot of ${name}`, () => snapshot(name, settled(run(held, command))));
}

test("the examples in docs/windbg.md are those of the snapshots", () => {
    const file = path.join(__dirname, "..", "..", "docs", "windbg.md");
    const document = fs.readFileSync(file, "utf8");
    let count = 0;
    const current = document.replace(/```text ([a-z0-9-]+)\n(0: kd>.*\n)[^]*?```/g, (_, name, command) => {
        count += 1;
        const output = fs.readFileSync(path.join(__dirname, "snapshots", `${name}.txt`), "utf8");
        return `\`\`\`text ${name}\n${command}${output}\`\`\``;
    });
    if (process.env.UPDATE === "1") {
        fs.writeFileSync(file, current);
    }
    assert.strictEqual(count, 5);
    assert.strictEqual(document, current);
});

test("objects for dx", () => {
    const debug = new Debugger(held);
    debug.run("whowrote");
    const records = [...debug.result.Records];
    assert.strictEqual(records.length, 9);
    const copies = records.filter((record) => record.SourcePath !== undefined);
    assert.deepStrictEqual(copies.map((record) => record.Length), [1048576, 1048576, 402848]);
    assert.ok(copies.every((record) => record.ExecutorPid === 4 && record.Pid === 3756));
    assert.ok(copies[1].Offset.equals(1048576) && Int64.isOne(copies[1].SourceOffset));
    assert.strictEqual(records.filter((record) => !record.Taken).length, debug.result.Counters.Waiting);
    assert.strictEqual(debug.result.Counters.Produced, 9);
    assert.ok([...debug.result.Processes].some((process) => process.Pid === 708 && process.Session === 1));
    assert.deepStrictEqual([...debug.result.Files].map((file) => file.Path.split("\\").pop()),
        ["HarddiskVolume3", "notes.txt", "photo.jpg", "photo.jpg"]);
});

/// Every address and every value of this run is told while the driver has a state: none was forgotten in `debug::tell`.
test("every item of the header is filled", () => {
    const { items } = held.header();
    const empty = Object.keys(items).filter((name) => [2, 3].includes(items[name].kind) && items[name].value === 0n);
    assert.deepStrictEqual(empty, []);
});

test("without the driver", () => {
    const memory = new Memory(held.segments.filter((segment) => segment.name !== "whowrote"));
    assert.match(run(memory, ["whowrote"]), /^whowrote: there is no whowrote!WHOWROTE_DEBUG: the driver is not loaded/);
});

test("a parameter that is none", () => {
    assert.match(run(held, ["whowrote.ring", "many"]), /^whowrote: many is no number of records/);
    assert.match(run(held, ["whowrote.writes"]), /^whowrote: say whose/);
});

const DAMAGE = {
    "another magic": [(memory, { address }) => memory.at(address, 1).fill("X"), /begins with "XHOWRDBG", not "WHOWRDBG"/],
    "another version": [(memory, { address }) => memory.at(address + 8n, 2).writeUInt16LE(2), /version 2\.\d+, and this script knows 1\.x/],
    "another format": [(memory, { items }) => memory.at(items["format.major"].at + 40n, 1).fill(9), /records are of format 9/],
    "too many items": [(memory, { address }) => memory.at(address + 20n, 4).fill(0xFF), /4294967295 items of 56 bytes.*does not fit/],
    "an item's name": [(memory, { items }) => memory.at(items["ring.slots"].at, 1).fill(1), /has the name "\\u0001ing.slots", which is none/],
    "a missing item": [(memory, { items }) => memory.at(items["ring.slots"].at, 1).fill("x"), /the header has no ring\.slots/],
    "another kind": [(memory, { items }) => memory.at(items["ring.slots"].at + 32n, 1).fill(1), /ring\.slots is of kind 1 and should be a array/],
    "counts of what is left out": [(memory, { items }) => memory.at(items["omitted.path"].at + 40n, 1).fill(0x7C), /left out do not fit into 128 bytes/],
    "no state": [(memory, { address }) => memory.at(address + 32n, 8).fill(0), /the driver has no state/],
    "absurd count": [(memory, { items }) => memory.at(items["ring.shards"].at + 48n, 2).fill(0xFF), /65535 ring\.shards of \d+ bytes, which does not fit/],
    "absurd capacity": [(memory, { items }) => memory.at(items["ring.capacity"].at + 40n, 4).fill(0x3F), /does not fit/],
    "the tail too far": [(memory, { items }) => memory.at(items["ring.shards"].value + items["shard.tail"].value, 4).fill(0x7F),
        /shard 0: the tail is \d+ slots ahead of the head/],
};
for (const [name, [change, expected]] of Object.entries(DAMAGE)) {
    test(`damaged: ${name}`, () => {
        const [sound, output] = [run(held, ["whowrote"]), run(damaged(change), ["whowrote"])];
        assert.match(output, expected);
        assert.doesNotMatch(sound, expected);
    });
}

/// Where the place of an entry is, by the header; the first that there is.
function firstPlace(memory, { items }, name) {
    const table = items[`${name}.chunks`].value + items[`${name}.chunk-places`].value + items["array.address"].value;
    return memory.word(table);
}

test("a chain that comes back to itself ends", () => {
    const memory = damaged((memory, header) => {
        const { items } = header;
        const buckets = items["files.buckets"];
        // every bucket leads to the first entry, and that to itself
        const table = memory.at(buckets.value, Number(buckets.count) * 4);
        for (let at = 0; at < table.length; at += 4) {
            table.writeUInt32LE(1, at);
        }
        const node = firstPlace(memory, header, "files") + items["files.place-value"].value;
        memory.at(node + items["files.node-chain"].value, 4).writeUInt32LE(1);
    });
    assert.match(run(memory, ["whowrote.ring"]), /note: the chain of bucket \d+ of the files comes back to itself/);
});

test("a slot that is half written is no record", () => {
    const memory = damaged((memory, { items }) => {
        const shard = items["ring.shards"].value;
        const tail = Number(memory.word(shard + items["shard.tail"].value) & 0xFFFFFFFFn);
        memory.at(items["ring.slots"].value + BigInt(64 * (tail - 1)) + items["slot.stamp"].value, 8).fill(0);
    });
    const output = run(memory, ["whowrote.ring"]);
    assert.match(output, /note: shard 0: 1 slots are reserved and not written/);
    assert.match(output, /^8 records$/m);
});

test("an entry whose text is not in memory is shown without", () => {
    const { items } = held.header();
    const second = firstPlace(held, held.header(), "files") + items["files.place-size"].value; // the first is the volume
    const node = second + items["files.place-value"].value;
    const text = held.word(node + items["files.node-entry"].value + items["file.path"].value + items["array.address"].value);
    const memory = new Memory(held.segments.filter((segment) => segment.start !== text));
    assert.strictEqual(memory.segments.length, held.segments.length - 1);
    assert.match(run(memory, ["whowrote.files"]), /HarddiskVolume3<not in memory>.*note: a path: no memory at/s);
});

test("missing memory is said, whatever is missing", () => {
    const sound = COMMANDS.map((command) => run(held, command));
    for (const missing of held.segments) {
        const memory = new Memory(held.segments.filter((segment) => segment !== missing));
        COMMANDS.forEach((command, index) => {
            const output = run(memory, command);
            const same = output === sound[index];
            assert.ok(same || /^whowrote: |^note: /m.test(output), `${command}: ${output}`);
        });
    }
});

/// A generator of numbers that is the same everywhere (xorshift).
function* numbers(seed) {
    for (let x = seed; ;) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        yield x >>> 0;
    }
}

test("bytes flipped anywhere make no exception and no endless loop", () => {
    const random = numbers(20240101);
    const next = (below) => random.next().value % below;
    const { address, items, size } = held.header();
    const places = [[address, size]];
    const region = (start, bytes) => places.push([start, Math.min(bytes, 4096)]);
    region(items["ring.shards"].value, Number(items["ring.shards"].count) * items["ring.shards"].size);
    region(items["ring.slots"].value, 1024);
    for (const name of ["files", "processes", "volumes"]) {
        region(items[`${name}.chunks`].value, items[`${name}.chunks`].size);
        region(items[`${name}.buckets`].value, Number(items[`${name}.buckets`].count) * 4);
        region(firstPlace(held, held.header(), name), 4096);
    }
    let noticed = 0;
    const memory = held.copy();
    const sound = COMMANDS.map((command) => run(held, command));
    for (let round = 0; round < 400; round += 1) {
        const flips = [];
        for (let left = 1 + next(8); left > 0; left -= 1) {
            const [start, bytes] = places[next(places.length)];
            flips.push([memory.at(start + BigInt(next(bytes)), 1), 1 << next(8)]);
        }
        flips.forEach(([byte, bit]) => { byte[0] ^= bit; });
        const index = next(COMMANDS.length);
        noticed += run(memory, COMMANDS[index]) === sound[index] ? 0 : 1;
        flips.forEach(([byte, bit]) => { byte[0] ^= bit; });
    }
    assert.ok(noticed > 40, `${noticed} of 400 made a difference`);
});
