// The memory of simulated drivers, from the file that `whowrote simulate --memory` writes (crates/ntsim/src/sim/memory.rs).
"use strict";

const fs = require("node:fs");

const MAGIC = "NTSIMMEM";
const IMAGE = 1;
const EXPORT_DIRECTORY = 0x88; // in the headers of a 64-bit image, from the signature on

class Memory {
    constructor(segments) {
        this.segments = segments;
    }

    static load(path) {
        const file = fs.readFileSync(path);
        if (file.toString("latin1", 0, 8) !== MAGIC || file.readUInt32LE(8) !== 1) {
            throw new Error(`${path} is no memory of a simulated machine`);
        }
        const segments = [];
        let at = 16;
        for (let left = file.readUInt32LE(12); left > 0; left -= 1) {
            const [start, bytes] = [file.readBigUInt64LE(at), Number(file.readBigUInt64LE(at + 8))];
            const [kind, name] = [file.readUInt32LE(at + 16), file.readUInt32LE(at + 20)];
            const data = at + 24 + name;
            segments.push({
                start, kind,
                name: file.toString("utf8", at + 24, data),
                bytes: Buffer.from(file.subarray(data, data + bytes)),
            });
            at = data + bytes;
        }
        return new Memory(segments);
    }

    /// Another one with contents of its own.
    copy() {
        return new Memory(this.segments.map((segment) => ({ ...segment, bytes: Buffer.from(segment.bytes) })));
    }

    segmentAt(address) {
        return this.segments.find(({ start, bytes }) => address >= start && address < start + BigInt(bytes.length));
    }

    /// The bytes at an address, to read or to change; undefined if not all are there.
    at(address, size) {
        const segment = this.segmentAt(address);
        const offset = segment && Number(address - segment.start);
        return segment && offset + size <= segment.bytes.length ? segment.bytes.subarray(offset, offset + size) : undefined;
    }

    word(address) {
        return this.at(address, 8).readBigUInt64LE();
    }

    /// The address of what an image exports; undefined if there is no such image or export.
    exported(module, name) {
        const image = this.segments.find((segment) => segment.kind === IMAGE && segment.name === module);
        if (image === undefined) {
            return undefined;
        }
        const { bytes, start } = image;
        const directory = bytes.readUInt32LE(bytes.readUInt32LE(0x3C) + EXPORT_DIRECTORY);
        const [count, functions, names, ordinals] = [24, 28, 32, 36].map((at) => bytes.readUInt32LE(directory + at));
        for (let index = 0; directory !== 0 && index < count; index += 1) {
            const from = bytes.readUInt32LE(names + 4 * index);
            if (bytes.toString("latin1", from, bytes.indexOf(0, from)) === name) {
                return start + BigInt(bytes.readUInt32LE(functions + 4 * bytes.readUInt16LE(ordinals + 2 * index)));
            }
        }
        return undefined;
    }

    /// The driver's debug header: its address and its items, by name, each with the address of its value.
    header() {
        const address = this.exported("whowrote", "WHOWROTE_DEBUG");
        const preamble = this.at(address, 40);
        const [itemsAt, count, size] = [16, 20, 24].map((at) => preamble.readUInt32LE(at));
        const items = {};
        for (let index = 0; index < count; index += 1) {
            const at = address + BigInt(itemsAt + index * size);
            const bytes = this.at(at, size);
            const name = bytes.toString("latin1", 0, bytes.indexOf(0));
            items[name] = { at, kind: bytes.readUInt32LE(32), size: bytes.readUInt32LE(36), value: bytes.readBigUInt64LE(40),
                count: bytes.readBigUInt64LE(48) };
        }
        return { address, items, size: preamble.readUInt32LE(12) };
    }
}

module.exports = { Memory };
