// whowrote in WinDbg: what the driver holds, live or in a dump, without private symbols.
//
//   .scriptload whowrote.js      then !whowrote; docs/windbg.md has the rest
//
// Everything is found by the driver's exported header, WHOWROTE_DEBUG (crates/audit/src/debug), and records are read as
// docs/record-format.md has them; no layout of the driver is known here. Of the debugger only what its documentation
// ("Native Debugger Objects in JavaScript Extensions") has is used. Numbers of 64 bits are kept as two halves, because
// a JavaScript number has 53 bits; what leaves this script is host.Int64.
"use strict";

const MODULE = "whowrote";
const HEADER = "WHOWROTE_DEBUG";
const MAGIC = "WHOWRDBG";
const MAJOR = 1;
const PREAMBLE_SIZE = 40;
const ITEM_SIZE = 56;
const NAME_SIZE = 32;
const CONSTANT = 1, COUNTER = 2, ARRAY = 3, FIELD = 4;
const KINDS = ["", "constant", "counter", "array", "field"];

const FORMAT_MAJOR = 1;
const SLOT_SIZE = 64;
const WRITE = 1;

// Beyond these something is damaged.
const MAX_HEADER = 1 << 20;
const MAX_ITEMS = 1 << 12;
const MAX_ELEMENT = 1 << 16;
const MAX_SHARDS = 256;
const MAX_CAPACITY = 1 << 30;
const MAX_PROCESSORS = 1 << 12;
const MAX_TEXT = 32767;
const MAX_TABLE = 1 << 24;
const MAX_CHAIN = 1 << 16;

const NOT_IN_MEMORY = "<not in memory>";
const READ_AT_ONCE = 1 << 16;
const SLOTS_AT_ONCE = 64;
const DEFAULT_RECORDS = 20;
const DEFAULT_ENTRIES = 100;
const MOST_COMPLAINTS = 8;

const REASONS = ["ring full", "no memory", "shutdown", "overwritten"];
// By code; what follows the name is which of an event's fields say something.
const RANGE = "range", SIZE = "size", NAME = "name", ALONE = "alone";
const OPERATIONS = {
    1: ["write", RANGE], 2: ["mapped write", RANGE], 3: ["clone", RANGE], 4: ["offload write", RANGE], 5: ["zero", RANGE],
    6: ["set end of file", SIZE], 7: ["set allocation", SIZE], 8: ["set valid data", SIZE],
    9: ["create", ALONE], 10: ["overwrite", ALONE], 11: ["supersede", ALONE], 12: ["rename", NAME], 13: ["link", NAME],
    14: ["delete pending", ALONE], 15: ["delete cancelled", ALONE], 16: ["delete", ALONE],
    17: ["commit", ALONE], 18: ["roll back", ALONE],
};
const OPERATION_WRITE = 1, OPERATION_MAPPED_WRITE = 2;
const BASES = { 0: "unknown", 1: "thread", 2: "requestor process", 3: "transaction", 4: "section", 5: "remote client" };
const CONFIDENCES = ["none", "likely", "certain", "3"];
const FLAGS = ["user", "paging", "synchronous paging", "non-cached", "fast I/O", "generated", "reissued", "write-through",
    undefined, undefined, "outcome not known"];
const AT_END = 1 << 8, AT_POINTER = 1 << 9, HAS_EXECUTOR = 1 << 16, HAS_COPY = 1 << 17, HAS_DETAIL = 1 << 18;
const HAS_CLIENT = 1 << 19, HAS_CANDIDATES = 1 << 20, HAS_OTHERS = 1 << 21;
const HAS_SECOND = HAS_EXECUTOR | HAS_COPY | HAS_DETAIL | HAS_CLIENT | HAS_CANDIDATES;
const RESERVED_FLAGS = (0x1F << 11 | 1 << 23 | 0x3F << 26) >>> 0;
const AUDITED = ["writes", "mapped writes", "other changes"];
const FILE_SYSTEMS = { 0: "unknown", 1: "RAW", 2: "NTFS", 3: "FAT", 4: "CDFS", 5: "UDFS", 6: "LANMAN", 7: "WEBDAV",
    8: "RDPDR", 9: "NFS", 27: "exFAT", 28: "CSVFS", 29: "ReFS" };

/// What does not fit, in words: the only thing that is thrown here.
class Problem {
    constructor(message) {
        this.message = message;
    }

    toString() {
        return this.message;
    }
}

/// Does something; if it meets a problem, says so and gives undefined.
function attempt(work, complain) {
    try {
        return work();
    } catch (problem) {
        if (!(problem instanceof Problem)) {
            throw problem;
        }
        complain(problem.message);
        return undefined;
    }
}

// ---- numbers of 64 bits -------------------------------------------------------------------------------------------

class U64 {
    constructor(low, high) {
        this.low = low >>> 0;
        this.high = high >>> 0;
    }

    static of(number) {
        return new U64(number % 4294967296, Math.floor(number / 4294967296));
    }

    get isZero() {
        return this.low === 0 && this.high === 0;
    }

    equals(other) {
        return this.low === other.low && this.high === other.high;
    }

    /// This plus a number below 2^53.
    plus(number) {
        const low = this.low + number % 4294967296;
        const carry = low >= 4294967296 ? 1 : 0;
        return new U64(low % 4294967296, (this.high + Math.floor(number / 4294967296) + carry) % 4294967296);
    }

    /// As a JavaScript number.
    number(what) {
        if (this.high >= 1 << 21) {
            throw new Problem(`${what} is ${this.hex()}, which is absurd`);
        }
        return this.high * 4294967296 + this.low;
    }

    /// In tens, unsigned.
    decimal() {
        let [high, low, digits] = [this.high, this.low, ""];
        do {
            const rest = (high % 10) * 4294967296 + low;
            digits = String(rest % 10) + digits;
            high = Math.floor(high / 10);
            low = Math.floor(rest / 10);
        } while (high !== 0 || low !== 0);
        return digits;
    }

    /// Signed, in tens.
    signed() {
        if (this.high < 0x80000000) {
            return this.decimal();
        }
        const low = (~this.low + 1) >>> 0;
        return "-" + new U64(low, ~this.high + (low === 0 ? 1 : 0)).decimal();
    }

    hex() {
        const digits = (number) => ("0000000" + number.toString(16)).slice(-8);
        return "0x" + (this.high === 0 ? this.low.toString(16) : this.high.toString(16) + digits(this.low));
    }

    get key() {
        return this.hex();
    }

    get host() {
        return new host.Int64(this.low, this.high);
    }
}

/// The upper half of the lower 64 bits of a product.
function productHigh(a, b) {
    const [a0, a1, b0, b1] = [a.low & 0xFFFF, a.low >>> 16, b.low & 0xFFFF, b.low >>> 16];
    const middle = a1 * b0 + Math.floor(a0 * b0 / 65536);
    const other = a0 * b1 + middle % 65536;
    const high = a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536);
    return (high + Math.imul(a.low, b.high) + Math.imul(a.high, b.low)) >>> 0;
}

// ---- memory -------------------------------------------------------------------------------------------------------

/// Bytes of the target, as they were when they were read.
class Bytes {
    constructor(values) {
        const copy = new Uint8Array(values.length);
        for (let at = 0; at < values.length; at += 1) {
            copy[at] = values[at];
        }
        this.view = new DataView(copy.buffer);
        this.length = copy.length;
    }

    u8(at) {
        return this.view.getUint8(at);
    }

    u16(at) {
        return this.view.getUint16(at, true);
    }

    u32(at) {
        return this.view.getUint32(at, true);
    }

    u64(at) {
        return new U64(this.u32(at), this.u32(at + 4));
    }

    ascii(at, length) {
        let text = "";
        for (let i = at; i < at + length && this.u8(i) !== 0; i += 1) {
            text += String.fromCharCode(this.u8(i));
        }
        return text;
    }
}

/// So many bytes at an address; a problem if they are not all there.
function read(address, size, what) {
    const parts = [];
    for (let done = 0; done < size; done += READ_AT_ONCE) {
        const part = Math.min(READ_AT_ONCE, size - done);
        let values;
        try {
            values = host.memory.readMemoryValues(address.plus(done).host, part, 1, false);
        } catch (error) {
            throw new Problem(`${what}: no memory at ${address.plus(done).hex()} (${part} bytes); paged out, or not in the dump`);
        }
        if (values === undefined || values === null || values.length !== part) {
            throw new Problem(`${what}: memory at ${address.plus(done).hex()} ends early (${part} bytes were asked for)`);
        }
        parts.push(values);
    }
    if (parts.length === 1) {
        return new Bytes(parts[0]);
    }
    const all = new Uint8Array(size);
    parts.forEach((part, index) => all.set(part, index * READ_AT_ONCE));
    return new Bytes(all);
}

// ---- the header ---------------------------------------------------------------------------------------------------

class Header {
    constructor() {
        this.address = Header.find();
        const preamble = read(this.address, PREAMBLE_SIZE, "the header");
        const magic = preamble.ascii(0, 8);
        if (magic !== MAGIC) {
            throw new Problem(`${HEADER} at ${this.address.hex()} begins with ${JSON.stringify(magic)}, not "${MAGIC}": ` +
                "not a driver that this script knows, or damaged");
        }
        [this.major, this.minor] = [preamble.u16(8), preamble.u16(10)];
        if (this.major !== MAJOR) {
            throw new Problem(`the header is of version ${this.major}.${this.minor}, and this script knows ${MAJOR}.x: take the script ` +
                "that came with the driver");
        }
        const [size, itemsAt, count, itemSize] = [12, 16, 20, 24].map((at) => preamble.u32(at));
        this.state = preamble.u64(32);
        if (size > MAX_HEADER || count > MAX_ITEMS || itemSize < ITEM_SIZE || itemSize > MAX_HEADER || itemsAt < PREAMBLE_SIZE ||
            itemsAt + count * itemSize > size) {
            throw new Problem(`the header says that it has ${count} items of ${itemSize} bytes from ${itemsAt} on in ${size} bytes, ` +
                "which does not fit");
        }
        this.items = new Map();
        const bytes = read(this.address, size, "the header");
        for (let index = 0; index < count; index += 1) {
            this.add(bytes, itemsAt + index * itemSize, index);
        }
        this.checkFormat();
    }

    static find() {
        let address;
        try {
            address = host.getModuleSymbolAddress(MODULE, HEADER);
        } catch (error) {
            address = undefined;
        }
        if (address === undefined || address === null) {
            throw new Problem(`there is no ${MODULE}!${HEADER}: the driver is not loaded, or its module list is not ` +
                "(`.reload`), or its export table is not in the dump (`.sympath` with the .sys, then `.reload /f whowrote.sys`)");
        }
        return new U64(address.getLowPart(), address.getHighPart());
    }

    add(bytes, at, index) {
        const name = bytes.ascii(at, NAME_SIZE);
        const item = { name, kind: bytes.u32(at + 32), size: bytes.u32(at + 36), value: bytes.u64(at + 40), count: bytes.u64(at + 48) };
        if (!/^[a-z-]+\.[a-z-]+$/.test(name)) {
            throw new Problem(`item ${index} of the header has the name ${JSON.stringify(name)}, which is none`);
        }
        if (this.items.has(name)) {
            throw new Problem(`two items of the header are called ${name}`);
        }
        this.items.set(name, item);
    }

    checkFormat() {
        const major = this.constant("format.major");
        if (major !== FORMAT_MAJOR) {
            throw new Problem(`the driver's records are of format ${major}, and this script knows ${FORMAT_MAJOR}`);
        }
    }

    item(name, kind) {
        const item = this.items.get(name);
        if (item === undefined) {
            throw new Problem(`the header has no ${name}`);
        }
        if (item.kind !== kind) {
            throw new Problem(`the header's ${name} is of kind ${item.kind} and should be a ${KINDS[kind]}`);
        }
        return item;
    }

    wide(name) {
        return this.item(name, CONSTANT).value;
    }

    constant(name) {
        return this.wide(name).number(`the header's ${name}`);
    }

    /// Where a field is: its offset and its size, which must be `size` if that is given.
    field(name, size) {
        const item = this.item(name, FIELD);
        const offset = item.value.number(`the offset of ${name}`);
        if (offset + item.size > MAX_ELEMENT || (size !== undefined && item.size !== size)) {
            throw new Problem(`the header's field ${name} has ${item.size} bytes at ${offset}, which does not fit`);
        }
        return { offset, size: item.size };
    }

    live(item) {
        if (this.state.isZero) {
            throw new Problem("the driver has no state: it has not started, or it is ended");
        }
        if (item.value.isZero) {
            throw new Problem(`the header has no address for ${item.name}`);
        }
        return item;
    }

    /// The value of a counter.
    counter(name) {
        const item = this.live(this.item(name, COUNTER));
        if (item.size !== 1 && item.size !== 4 && item.size !== 8) {
            throw new Problem(`the header's counter ${name} has ${item.size} bytes, which does not fit`);
        }
        const bytes = read(item.value, item.size, name);
        return item.size === 8 ? bytes.u64(0) : new U64(item.size === 4 ? bytes.u32(0) : bytes.u8(0), 0);
    }

    /// An array: address, count, size of an element.
    array(name, most, size) {
        const item = this.live(this.item(name, ARRAY));
        const count = item.count.number(`the number of ${name}`);
        if (count > most || item.size === 0 || item.size > MAX_ELEMENT || (size !== undefined && item.size !== size)) {
            throw new Problem(`the header says ${count} ${name} of ${item.size} bytes, which does not fit`);
        }
        return { address: item.value, count, size: item.size };
    }
}

// ---- texts --------------------------------------------------------------------------------------------------------

/// UTF-16 in an array from pool, described at an offset of a structure; undefined if there is none.
function poolText(header, bytes, at, what) {
    const address = bytes.u64(at + header.field("array.address", 8).offset);
    if (address.isZero) {
        return undefined;
    }
    const length = bytes.u64(at + header.field("array.length", 8).offset).number(`the length of ${what}`);
    if (length > MAX_TEXT) {
        throw new Problem(`${what} has ${length} characters, which is absurd`);
    }
    const text = read(address, length * 2, what);
    let characters = "";
    for (let index = 0; index < length; index += 1) {
        characters += String.fromCharCode(text.u16(index * 2));
    }
    return characters;
}

/// The same, or a word in its place.
function textOr(header, bytes, at, what, complain) {
    let failed = false;
    const text = attempt(() => poolText(header, bytes, at, what), (message) => {
        failed = true;
        complain(message);
    });
    return failed ? NOT_IN_MEMORY : text;
}

/// A security identifier as Windows writes it.
function sidText(bytes, at, size) {
    const count = bytes.u8(at + 1);
    if (bytes.u8(at) === 0) {
        return undefined;
    }
    if (bytes.u8(at) !== 1 || 8 + 4 * count > size) {
        return "<damaged>";
    }
    let authority = 0;
    for (let index = 2; index < 8; index += 1) {
        authority = authority * 256 + bytes.u8(at + index);
    }
    let text = `S-1-${authority}`;
    for (let index = 0; index < count; index += 1) {
        text += `-${bytes.u32(at + 8 + 4 * index)}`;
    }
    return text;
}

/// A time in units of 100 ns since 1601.
function timeText(time) {
    if (time.isZero) {
        return "unknown";
    }
    const second = 10000000;
    const units = (time.high % second * (4294967296 % second) + time.low) % second; // in the second, exactly
    const seconds = Math.round((time.high * 4294967296 + time.low - units) / second);
    const date = new Date((seconds - 11644473600) * 1000);
    return isNaN(date.getTime()) ? time.hex()
        : date.toISOString().slice(0, -5).replace("T", " ") + "." + ("000000" + units).slice(-7);
}

// ---- dictionaries -------------------------------------------------------------------------------------------------

class Dictionary {
    constructor(header, name, entry) {
        Object.assign(this, { header, name, entry, known: new Map() });
        const field = (what, size) => header.field(`${name}.${what}`, size).offset;
        this.chunks = header.array(`${name}.chunks`, MAX_TABLE);
        this.buckets = header.array(`${name}.buckets`, MAX_TABLE, 4);
        this.places = header.constant("dictionary.places");
        this.placeSize = header.constant(`${name}.place-size`);
        this.offsets = {
            places: field("chunk-places"),
            value: field("place-value"),
            key: field("node-key", 8),
            state: field("node-state", 1),
            retired: field("node-retired-in", 8),
            chain: field("node-chain", 4),
            entry: field("node-entry"),
        };
        this.used = header.constant("dictionary.used");
        this.spread = header.wide("dictionary.spread");
        this.states = new Map(["unsent", "sent", "retired"].map((state) => [header.constant(`dictionary.${state}`), state]));
        this.limit = header.constant(`${name}.limit`);
        const buckets = this.buckets.count;
        const entryEnd = this.offsets.value + this.offsets.entry + header.field(`${name}.node-entry`).size;
        if (buckets === 0 || (buckets & (buckets - 1)) !== 0 || this.places === 0 || this.places > MAX_ELEMENT ||
            this.chunks.count !== Math.ceil(this.limit / this.places) || entryEnd > this.placeSize || this.placeSize > MAX_ELEMENT || header.constant("dictionary.spread-shift") !== 32) {
            throw new Problem(`the header's description of the ${name} does not fit: ${this.chunks.count} chunks, ${buckets} buckets, ${this.places} places of ` +
                `${this.placeSize} bytes`);
        }
    }

    /// Where the places of a chunk are; undefined if it has none.
    placesOf(table, at, index) {
        const base = at + this.offsets.places;
        const address = table.u64(base + this.header.field("array.address", 8).offset);
        if (address.isZero) {
            return undefined;
        }
        const length = table.u64(base + this.header.field("array.length", 8).offset);
        if (!length.equals(U64.of(this.places))) {
            throw new Problem(`chunk ${index} of the ${this.name} has ${length.decimal()} places, not ${this.places}`);
        }
        return address;
    }

    /// An entry with what its node says of it.
    decode(bytes, at, complain) {
        const node = at + this.offsets.value;
        const state = bytes.u8(node + this.offsets.state);
        return {
            entry: this.entry(this.header, bytes, node + this.offsets.entry, complain),
            state: this.states.has(state) ? this.states.get(state) : `state ${state}`,
            gone: !bytes.u64(node + this.offsets.retired).isZero,
            chain: bytes.u32(node + this.offsets.chain),
        };
    }

    /// What a key stands for; undefined if nothing.
    find(key, complain) {
        if (!this.known.has(key.key)) {
            this.known.set(key.key, this.look(key, complain));
        }
        return this.known.get(key.key);
    }

    look(key, complain) {
        const bucket = (productHigh(key, this.spread) & (this.buckets.count - 1)) >>> 0;
        let id = read(this.buckets.address.plus(bucket * 4), 4, `bucket ${bucket} of the ${this.name}`).u32(0);
        const seen = new Set();
        while (id !== 0) {
            if (seen.has(id) || seen.size >= MAX_CHAIN) {
                throw new Problem(`the chain of bucket ${bucket} of the ${this.name} comes back to itself`);
            }
            seen.add(id);
            const [bytes, found] = this.node(id);
            if (found.equals(key)) {
                return this.decode(bytes, 0, complain);
            }
            id = bytes.u32(this.offsets.value + this.offsets.chain);
        }
        return undefined;
    }

    /// The bytes of the place that an id leads to, and the key in it.
    node(id) {
        const [index, place] = [Math.floor((id - 1) / this.places), (id - 1) % this.places];
        if (index >= this.chunks.count) {
            throw new Problem(`an id of the ${this.name} is ${id}, beyond all chunks`);
        }
        const table = read(this.chunks.address.plus(index * this.chunks.size), this.chunks.size, `chunk ${index} of the ${this.name}`);
        const address = this.placesOf(table, 0, index);
        if (address === undefined) {
            throw new Problem(`id ${id} of the ${this.name} leads to chunk ${index}, which has no memory`);
        }
        const bytes = read(address.plus(place * this.placeSize), this.placeSize, `an entry of the ${this.name}`);
        if (bytes.u8(0) !== this.used) {
            throw new Problem(`id ${id} of the ${this.name} leads to a place that is free`);
        }
        return [bytes, bytes.u64(this.offsets.value + this.offsets.key)];
    }

    /// All entries, as far as they are in memory.
    * all(complain) {
        const step = Math.max(1, Math.floor(READ_AT_ONCE / this.chunks.size));
        for (let from = 0; from < this.chunks.count; from += step) {
            const count = Math.min(step, this.chunks.count - from);
            const table = attempt(() => read(this.chunks.address.plus(from * this.chunks.size), count * this.chunks.size,
                `chunks of the ${this.name}`), complain);
            for (let index = 0; table !== undefined && index < count; index += 1) {
                yield* this.chunk(table, index * this.chunks.size, from + index, complain);
            }
        }
    }

    * chunk(table, at, index, complain) {
        const bytes = attempt(() => {
            const address = this.placesOf(table, at, index);
            return address && read(address, this.places * this.placeSize, `chunk ${index} of the ${this.name}`);
        }, complain);
        for (let place = 0; bytes !== undefined && place < this.places; place += 1) {
            const at = place * this.placeSize;
            if (bytes.u8(at) === this.used) {
                const found = attempt(() => this.decode(bytes, at, complain), complain);
                if (found !== undefined) {
                    yield found;
                }
            }
        }
    }
}

function fileEntry(header, bytes, at, complain) {
    const offset = (name, size) => at + header.field(`file.${name}`, size).offset;
    return {
        key: bytes.u64(offset("key", 8)),
        volume: bytes.u64(offset("volume", 8)),
        met: bytes.u64(offset("met", 8)),
        opened: bytes.u8(offset("name-kind", 1)) === header.constant("file.opened"),
        path: textOr(header, bytes, offset("path"), "a path", complain),
    };
}

function processEntry(header, bytes, at, complain) {
    const offset = (name, size) => at + header.field(`process.${name}`, size).offset;
    const session = bytes.u32(offset("session", 4));
    return {
        key: bytes.u64(offset("key", 8)),
        id: bytes.u32(offset("id", 4)),
        kernel: bytes.u8(offset("kind", 1)) === header.constant("process.kernel"),
        created: bytes.u64(offset("created", 8)),
        parent: bytes.u64(offset("parent", 8)),
        parentId: bytes.u32(offset("parent-id", 4)),
        session: session === header.constant("process.no-session") ? undefined : session,
        user: sidText(bytes, offset("user"), header.field("process.user").size),
        image: textOr(header, bytes, offset("image"), "an image path", complain),
    };
}

function volumeEntry(header, bytes, at, complain) {
    const offset = (name, size) => at + header.field(`volume.${name}`, size).offset;
    return {
        key: bytes.u64(offset("key", 8)),
        attached: bytes.u64(offset("attached", 8)),
        fileSystem: bytes.u32(offset("file-system", 4)),
        device: textOr(header, bytes, offset("device"), "a device name", complain),
        guid: textOr(header, bytes, offset("guid"), "a volume name", complain),
    };
}

// ---- the ring -----------------------------------------------------------------------------------------------------

class Ring {
    constructor(header) {
        this.shards = header.array("ring.shards", MAX_SHARDS);
        this.slots = header.array("ring.slots", MAX_SHARDS * MAX_CAPACITY, SLOT_SIZE);
        this.capacity = header.constant("ring.capacity");
        this.overwrites = !header.counter("ring.overwrites").isZero;
        this.recordBits = header.constant("shard.tail-record-bits");
        const offset = (name) => header.field(`shard.${name}`, 8).offset;
        this.offsets = {
            tail: offset("tail"), refused: offset("refused"), overwritten: offset("overwritten"), head: offset("head"),
            freed: offset("freed-records"), cursor: offset("cursor"),
        };
        this.stamp = header.field("slot.stamp", 8).offset;
        this.payload = header.field("slot.payload", SLOT_SIZE - 8).offset;
        const fits = this.capacity > 1 && this.capacity <= MAX_CAPACITY && (this.capacity & (this.capacity - 1)) === 0 &&
            this.shards.count > 0 && this.slots.count === this.shards.count * this.capacity;
        if (!fits) {
            throw new Problem(`the ring has ${this.shards.count} shards of ${this.capacity} slots, and ${this.slots.count} slots in all, ` +
                "which does not fit");
        }
        if (header.constant("shard.tail-slot-bits") !== 32 || header.constant("shard.head-position-bits") !== 63 || this.recordBits > 31 || header.constant("ring.position-bits") !== 56 ||
            this.stamp + 8 > SLOT_SIZE || this.payload + SLOT_SIZE - 8 > SLOT_SIZE ||
            Math.max(...Object.values(this.offsets)) + 8 > this.shards.size) {
            throw new Problem("the header describes a ring that this script does not understand");
        }
    }

    /// What a shard says of itself.
    shard(index) {
        const bytes = read(this.shards.address.plus(index * this.shards.size), this.shards.size, `shard ${index}`);
        const number = (name) => bytes.u64(this.offsets[name]).number(`shard ${index}: ${name}`);
        const tail = bytes.u64(this.offsets.tail);
        // The highest bit says whether producers may move it.
        const headWord = bytes.u64(this.offsets.head);
        const head = new U64(headWord.low, headWord.high & 0x7fffffff).number(`shard ${index}: head`);
        const used = (tail.low - head % 4294967296) >>> 0;
        if (used > this.capacity) {
            throw new Problem(`shard ${index}: the tail is ${used} slots ahead of the head, and there are ${this.capacity}`);
        }
        const modulus = Math.pow(2, this.recordBits);
        const gone = number("freed") + number("overwritten");
        const pushed = gone + (tail.high % modulus - gone % modulus + modulus) % modulus;
        const cursor = number("cursor");
        const taken = !this.overwrites && cursor > head && cursor <= head + used ? cursor : head;
        return {
            index, head, tail: head + used, taken, pushed, refused: number("refused"), overwritten: number("overwritten"),
            asleep: tail.high >= 0x80000000,
        };
    }

    /// The records of a shard that are still in it, from `shard.tail - slots` on, the oldest first.
    records(shard, slots, complain) {
        const from = Math.max(0, shard.tail - Math.min(slots, this.capacity));
        const found = new Map(this.published(shard, from, complain));
        const records = [];
        let unclear = 0;
        // Runs of slots that are all there, cut at the head, where a record begins. A run may begin in the middle of one.
        for (const [start, end] of runs(found, from, shard)) {
            const known = start === 0 || start === shard.head;
            const [starts, skipped] = beginnings(found, start, end, known, end === shard.head || end === shard.tail);
            unclear += skipped;
            for (const position of starts) {
                const first = found.get(position);
                const second = slotCount(first) > 1 ? found.get(position + 1) : undefined;
                records.push(record(shard, position, first, second, position < shard.taken));
            }
        }
        if (unclear > 0) {
            complain(`shard ${shard.index}: ${unclear} slots that cannot be told to be the beginning of a record are left out`);
        }
        return records;
    }

    /// Positions and slots that hold what their position should, in order.
    * published(shard, from, complain) {
        let missing = 0, being = 0;
        for (let position = from; position < shard.tail;) {
            const within = position % this.capacity;
            const count = Math.min(SLOTS_AT_ONCE - within % SLOTS_AT_ONCE, this.capacity - within, shard.tail - position);
            const at = (shard.index * this.capacity + within) * SLOT_SIZE;
            const bytes = attempt(() => read(this.slots.address.plus(at), count * SLOT_SIZE, "slots"), () => undefined);
            missing += bytes === undefined ? count : 0;
            for (let index = 0; bytes !== undefined && index < count; index += 1) {
                const stamp = bytes.u64(index * SLOT_SIZE + this.stamp);
                const due = U64.of(position + index + 1);
                if (stamp.low === due.low && stamp.high === ((due.high & 0xFFFFFF) | shard.index << 24) >>> 0) {
                    yield [position + index, wire(bytes, index * SLOT_SIZE, this)];
                } else {
                    being += 1;
                }
            }
            position += count;
        }
        if (missing > 0) {
            complain(`shard ${shard.index}: ${missing} slots are not in memory`);
        }
        if (being > 0) {
            complain(`shard ${shard.index}: ${being} slots are reserved and not written (a producer is between the two), or damaged`);
        }
    }
}

/// A slot as it travels: the sequence number and seven words.
function wire(bytes, at, ring) {
    const slot = new Uint8Array(SLOT_SIZE);
    for (let index = 0; index < 8; index += 1) {
        slot[index] = bytes.u8(at + ring.stamp + index);
    }
    for (let index = 8; index < SLOT_SIZE; index += 1) {
        slot[index] = bytes.u8(at + ring.payload + index - 8);
    }
    return new Bytes(slot);
}

/// Runs of positions without a gap, from `from` to the tail; one ends at the head.
function* runs(found, from, shard) {
    let start = from;
    for (let position = from; position <= shard.tail; position += 1) {
        const isThere = position < shard.tail && found.has(position);
        if (!isThere || position === shard.head) {
            if (position > start) {
                yield [start, position];
            }
            start = isThere ? position : position + 1;
        }
    }
}

function slotCount(slot) {
    return slot.u8(17);
}

/// Whether a slot can be the first of a record.
function isFirst(slot) {
    const [kind, slots, flags] = [slot.u8(16), slotCount(slot), slot.u32(20)];
    if (kind !== WRITE) {
        return kind !== 0 && slots > 0 && kind < 16; // an event of a newer version
    }
    const second = (flags & HAS_SECOND) !== 0;
    const sound = (flags & RESERVED_FLAGS) === 0 && (flags & AT_END && flags & AT_POINTER) === 0;
    return slots === (second ? 2 : 1) && sound && slot.u8(18) !== 0 && slot.u8(19) in BASES;
}

/// The positions in a run at which records begin, as far as that is certain, and how many slots are left out.
function beginnings(found, start, end, startKnown, endKnown) {
    const chain = (from) => {
        const starts = [];
        for (let position = from; position < end;) {
            const slot = found.get(position);
            if (!isFirst(slot)) {
                return undefined;
            }
            const next = position + slotCount(slot);
            if (next > end) {
                return endKnown ? undefined : starts; // the rest of it is missing
            }
            starts.push(position);
            position = next;
        }
        return starts;
    };
    const chains = (startKnown ? [start] : [start, start + 1]).map(chain).filter((starts) => starts !== undefined);
    if (chains.length === 0) {
        return [[], end - start];
    }
    const others = new Set(chains[chains.length - 1]);
    const starts = chains[0].filter((position) => others.has(position));
    const covered = starts.reduce((sum, position) => sum + slotCount(found.get(position)), 0);
    return [starts, end - start - covered - (chains.length === 1 && !startKnown && chains[0][0] === start + 1 ? 1 : 0)];
}

/// What a record says.
function record(shard, position, first, second, taken) {
    const actor = (slot, at) => ({ process: slot.u64(at), pid: slot.u32(at + 8), tid: slot.u32(at + 12) });
    const flags = first.u32(20), operation = first.u8(18);
    const isWrite = operation === OPERATION_WRITE || operation === OPERATION_MAPPED_WRITE;
    const has = (flag) => second !== undefined && (flags & flag) !== 0;
    return {
        shard: shard.index, position, taken, flags, kind: first.u8(16), time: first.u64(8), operation, basis: first.u8(19),
        confidence: flags >>> 24 & 3, originator: actor(first, 24), file: first.u64(40), offset: first.u64(48), length: isWrite ? U64.of(first.u32(56)) : first.u64(56),
        missing: isWrite ? first.u32(60) : 0,
        executor: has(HAS_EXECUTOR) ? actor(second, 24) : undefined,
        copy: has(HAS_COPY) ? { file: second.u64(8), offset: second.u64(16) } : undefined,
        detail: has(HAS_DETAIL) ? second.u64(40) : undefined,
        client: has(HAS_CLIENT) ? second.u64(48) : undefined,
        candidates: has(HAS_CANDIDATES) ? [8, 16, 40, 48].map((at) => second.u64(at)).filter((key) => !key.isZero) : [],
    };
}

function compareRecords(a, b) {
    return a.time.high - b.time.high || a.time.low - b.time.low || a.shard - b.shard || a.position - b.position;
}

// ---- what the debugger gets ----------------------------------------------------------------------------------------

/// Objects for dx: whatever is asked for is read when it is asked for.
class WhoWrote {
    constructor() {
        this._header = new Header();
        this._complaints = [];
        this._dictionaries = {};
    }

    _complain() {
        return (message) => {
            if (!this._complaints.includes(message)) {
                this._complaints.push(message);
            }
        };
    }

    _dictionary(name, entry) {
        if (this._dictionaries[name] === undefined) {
            this._dictionaries[name] = new Dictionary(this._header, name, entry);
        }
        return this._dictionaries[name];
    }

    _files() {
        return this._dictionary("files", fileEntry);
    }

    _processes() {
        return this._dictionary("processes", processEntry);
    }

    _volumes() {
        return this._dictionary("volumes", volumeEntry);
    }

    _entry(dictionary, key) {
        if (key.isZero) {
            return undefined;
        }
        const found = attempt(() => dictionary.find(key, this._complain()), this._complain());
        return found && found.entry;
    }

    _path(key) {
        const file = this._entry(this._files(), key);
        if (file === undefined) {
            return undefined;
        }
        const volume = this._entry(this._volumes(), file.volume);
        return (volume === undefined ? "<volume " + file.volume.decimal() + ">" : volume.device) + (file.path || "");
    }

    _image(key) {
        const process = this._entry(this._processes(), key);
        return process && (process.image || (process.kernel ? "System" : undefined));
    }

    _shards() {
        const ring = new Ring(this._header);
        const shards = [];
        for (let index = 0; index < ring.shards.count; index += 1) {
            const shard = attempt(() => ring.shard(index), this._complain());
            if (shard !== undefined) {
                shards.push(shard);
            }
        }
        return [ring, shards];
    }

    /// Records in the order of their times; the last `most` of each shard at least.
    _records(most) {
        const [ring, shards] = this._shards();
        const slots = most === undefined ? ring.capacity : Math.min(ring.capacity, 2 * most + 1);
        const records = [];
        for (const shard of shards) {
            records.push(...ring.records(shard, slots, this._complain()));
        }
        records.sort(compareRecords);
        return most === undefined ? records : records.slice(-most);
    }

    /// Records that are, or were, in the ring, with names.
    get Records() {
        return this._records().map((record) => new WriteRecord(this, record));
    }

    get Files() {
        return this._listed(this._files(), (file) => new FileObject(this, file));
    }

    get Processes() {
        return this._listed(this._processes(), (process) => new ProcessObject(this, process));
    }

    get Volumes() {
        return this._listed(this._volumes(), (volume) => new VolumeObject(volume));
    }

    _listed(dictionary, wrap) {
        const complain = this._complain();
        return { * [Symbol.iterator]() {
            for (const found of dictionary.all(complain)) {
                yield wrap(found);
            }
        } };
    }

    get Counters() {
        return this._books();
    }

    /// What did not fit, or was not in memory, so far.
    get Complaints() {
        return this._complaints;
    }

    _books() {
        const [, shards] = this._shards();
        const header = this._header;
        const counts = (name) => {
            const array = header.array(name, REASONS.length, 8);
            const bytes = read(array.address, array.count * 8, name);
            return REASONS.map((_, index) => index < array.count ? bytes.u64(index * 8).number(name) : 0);
        };
        const [before, after] = [counts("ring.losses-before-push"), counts("ring.losses-after-push")];
        const lost = REASONS.map((_, index) => before[index] + after[index]);
        let produced = before.reduce((sum, count) => sum + count, 0);
        for (const shard of shards) {
            produced += shard.pushed + shard.refused;
            lost[0] += shard.refused;
            lost[3] += shard.overwritten;
        }
        const delivered = header.counter("driver.delivered").number("driver.delivered");
        const total = lost.reduce((sum, count) => sum + count, 0);
        return new Books(produced, delivered, lost, produced - delivered - total);
    }

    /// How the driver is set up, and what that left out; undefined with a driver that does not tell.
    _control() {
        const header = this._header;
        if (!header.items.has("parameters.audit")) {
            return undefined;
        }
        const count = (name) => header.counter(`parameters.${name}`).number(name);
        const audit = count("audit");
        const known = AUDITED.filter((_, bit) => (audit & 1 << bit) !== 0);
        const processors = header.array("omitted.processors", MAX_PROCESSORS);
        const offsets = ["image", "path"].map((because) => header.field(`omitted.${because}`, 8).offset);
        if (offsets.some((offset) => offset + 8 > processors.size)) {
            throw new Problem(`the header's counts of what is left out do not fit into ${processors.size} bytes`);
        }
        const bytes = read(processors.address, processors.count * processors.size, "omitted.processors");
        const [byImage, byPath] = offsets.map((offset) => {
            let sum = 0;
            for (let at = offset; at < processors.count * processors.size; at += processors.size) {
                sum += bytes.u64(at).number("omitted.processors");
            }
            return sum;
        });
        return { recorded: known.join(", ") || "nothing", images: count("exclude-images"), paths: count("exclude-paths"), byImage, byPath };
    }

    toString() {
        const connected = this._header.counter("driver.connection").low % 2 === 1;
        const recording = !this._header.counter("driver.recording").isZero;
        const stopping = !this._header.counter("driver.stopping").isZero;
        return `whowrote: ${stopping ? "ending" : recording ? "recording" : "not recording"}, ` +
            `${connected ? "a consumer is connected" : "nobody is connected"}`;
    }
}

class Books {
    constructor(produced, delivered, lost, waiting) {
        this.Produced = produced;
        this.Delivered = delivered;
        this.Waiting = waiting;
        this.RingFull = lost[0];
        this.NoMemory = lost[1];
        this.Shutdown = lost[2];
        this.Overwritten = lost[3];
        this.Lost = lost.reduce((sum, count) => sum + count, 0);
    }

    toString() {
        return `produced ${this.Produced}, delivered ${this.Delivered}, lost ${this.Lost}, waiting ${this.Waiting}`;
    }
}

/// One write, for dx and LINQ.
class WriteRecord {
    constructor(whowrote, record) {
        this._whowrote = whowrote;
        this._record = record;
    }

    get Time() { return this._record.time.host; }
    get TimeText() { return timeText(this._record.time); }
    get Shard() { return this._record.shard; }
    get Position() { return this._record.position + 1; }
    get Taken() { return this._record.taken; }
    get Operation() { return this._operation[0]; }
    get _operation() { return OPERATIONS[this._record.operation] || [`operation ${this._record.operation}`, RANGE]; }
    get Basis() { return BASES[this._record.basis] || `basis ${this._record.basis}`; }
    get Confidence() { return CONFIDENCES[this._record.confidence]; }
    get Pid() { return this._record.originator.pid; }
    get Tid() { return this._record.originator.tid; }
    get ProcessKey() { return this._record.originator.process.host; }
    get Image() { return this._whowrote._image(this._record.originator.process); }
    get FileKey() { return this._record.file.host; }
    get Path() { return this._whowrote._path(this._record.file); }
    get Offset() { return this._record.offset.host; }
    get Length() { const { length } = this._record; return length.high === 0 ? length.low : length.host; }
    get ExecutorPid() { return this._record.executor && this._record.executor.pid; }
    get ExecutorTid() { return this._record.executor && this._record.executor.tid; }
    get ExecutorImage() { return this._record.executor && this._whowrote._image(this._record.executor.process); }
    get SourceKey() { return this._record.copy && this._record.copy.file.host; }
    get SourcePath() { return this._record.copy && this._whowrote._path(this._record.copy.file); }
    get SourceOffset() { return this._record.copy && this._record.copy.offset.host; }
    get Detail() { return this._record.detail && this._record.detail.host; }
    get ClientKey() { return this._record.client && this._record.client.host; }
    get Candidates() { return this._record.candidates.map((key) => imageName(this._whowrote._image(key))).join(", "); }
    get Flags() { return FLAGS.filter((name, bit) => name && (this._record.flags & 1 << bit) !== 0).join(", "); }

    /// What was done, with the fields that say something of it.
    get _done() {
        const { offset, flags, length, missing, detail } = this._record;
        const [name, fields] = this._operation;
        const where = flags & AT_END ? "the end" : flags & AT_POINTER ? "the file pointer" : offset.signed();
        const asked = missing === 0 ? "" : ` of ${length.number("the length") + missing}`;
        switch (fields) {
        case RANGE: return `${name} ${length.decimal()}${asked} at ${where}`;
        case SIZE: return `${name} to ${offset.signed()}${detail === undefined ? "" : `, it was ${detail.signed()}`}`;
        case NAME: return `${name} to ${detail && this._whowrote._path(detail) || nameless("name", detail || U64.of(0))}`;
        default: return name;
        }
    }

    toString() {
        const { originator, executor, copy, client, candidates, flags, file, kind } = this._record;
        if (kind !== WRITE) {
            return `${this.TimeText}  record of kind ${kind}, which this script does not know`;
        }
        const known = !originator.process.isZero || originator.pid !== 0 || originator.tid !== 0;
        const who = known ? `${imageName(this.Image)} (${originator.pid}:${originator.tid})` : "unknown";
        const lines = [`${this.TimeText}  ${who}  ${this._done}  ` +
            `${this.Path || nameless("file", file)}  [${this.Basis}, ${this.Confidence}]` +
            `${this.Flags === "" ? "" : "  " + this.Flags}${this._record.taken ? "" : "  waiting"}`];
        if (executor !== undefined) {
            lines.push(`carried out by ${imageName(this.ExecutorImage)} (${executor.pid}:${executor.tid})`);
        }
        if (copy !== undefined) {
            lines.push(`copied from ${this.SourcePath || nameless("file", copy.file)} at ${copy.offset.signed()}`);
        }
        if (client !== undefined) {
            lines.push(`for ${nameless("remote client", client)}`);
        }
        if (candidates.length > 0) {
            lines.push(`may be of ${this.Candidates}${flags & HAS_OTHERS ? ", and others" : ""}`);
        }
        return lines.join("\n    ");
    }
}

function nameless(what, key) {
    return key.isZero ? `<${what} not known>` : `<${what} ${key.decimal()}>`;
}

/// The last part of a path.
function imageName(image) {
    return image === undefined ? "<process not known>" : image.slice(image.lastIndexOf("\\") + 1);
}

class FileObject {
    constructor(whowrote, found) {
        const { entry, state, gone } = found;
        this.Key = entry.key.host;
        this.VolumeKey = entry.volume.host;
        this.Path = whowrote._path(entry.key);
        this.IsNormalized = !entry.opened;
        this.Met = timeText(entry.met);
        this.Delivery = state;
        this.Gone = gone;
        this._key = entry.key;
    }

    toString() {
        return `${this._key.decimal()}  ${this.Path}${this.IsNormalized ? "" : " (as opened)"}  met ${this.Met}  ` +
            `${this.Delivery}${this.Gone ? ", gone" : ""}`;
    }
}

class ProcessObject {
    constructor(whowrote, found) {
        const { entry, state, gone } = found;
        this.Key = entry.key.host;
        this.Pid = entry.id;
        this.Image = entry.image;
        this.IsKernel = entry.kernel;
        this.Created = timeText(entry.created);
        this.ParentPid = entry.parentId;
        this.ParentImage = whowrote._image(entry.parent);
        this.Session = entry.session;
        this.User = entry.user;
        this.Delivery = state;
        this.Gone = gone;
        this._key = entry.key;
    }

    toString() {
        const parent = this.ParentPid === 0 ? "" : `  child of ${this.ParentPid}` +
            (this.ParentImage === undefined ? "" : ` ${imageName(this.ParentImage)}`);
        return `${this.Pid}  ${this.Image || (this.IsKernel ? "System" : "<image not known>")}  key ${this._key.hex()}  created ${this.Created}` +
            `${parent}${this.Session === undefined ? "" : `  session ${this.Session}`}  ${this.User || "<user not known>"}  ` +
            `${this.Delivery}${this.Gone ? ", ended" : ""}`;
    }
}

class VolumeObject {
    constructor(found) {
        const { entry, state, gone } = found;
        this.Key = entry.key.host;
        this.Device = entry.device;
        this.Guid = entry.guid;
        this.FileSystem = FILE_SYSTEMS[entry.fileSystem] || String(entry.fileSystem);
        this.Attached = timeText(entry.attached);
        this.Delivery = state;
        this.Gone = gone;
    }

    toString() {
        return `${this.Device}  ${this.FileSystem}${this.Guid === undefined ? "" : "  " + this.Guid}  attached ${this.Attached}  ${this.Delivery}${this.Gone ? ", gone" : ""}`;
    }
}

// ---- commands -----------------------------------------------------------------------------------------------------

function say(line) {
    host.diagnostics.debugLog(line + "\n");
}

/// Runs a command; whatever does not fit is said, and nothing is thrown.
function command(work) {
    return attempt(() => {
        const whowrote = new WhoWrote();
        const result = work(whowrote);
        whowrote.Complaints.slice(0, MOST_COMPLAINTS).forEach((complaint) => say(`note: ${complaint}`));
        if (whowrote.Complaints.length > MOST_COMPLAINTS) {
            say(`note: and ${whowrote.Complaints.length - MOST_COMPLAINTS} more`);
        }
        return result;
    }, (problem) => say(`whowrote: ${problem}`));
}

/// A count that a user gave, or the one that goes without saying.
function countOr(count, otherwise) {
    if (count === undefined || count === null) {
        return otherwise;
    }
    const number = Number(String(count));
    if (!Number.isInteger(number) || number < 1) {
        throw new Problem(`${String(count)} is no number of records`);
    }
    return number;
}

function state() {
    return command((whowrote) => {
        const header = whowrote._header;
        if (header.state.isZero) {
            throw new Problem("the driver has no state: it has not started, or it is ended");
        }
        say(whowrote.toString());
        say(`  header     version ${header.major}.${header.minor} at ${header.address.hex()}, state at ${header.state.hex()}; ` +
            `records of format ${header.constant("format.major")}.${header.constant("format.minor")}`);
        say(`  session    ${timeText(header.wide("driver.session"))}`);
        const [ring, shards] = whowrote._shards();
        say(`  ring       ${ring.shards.count} x ${ring.capacity} slots, when full ${ring.overwrites ? "the oldest goes" : "the newest is lost"}; ` +
            `the consumer ${header.counter("ring.consumer-asleep").isZero ? "is awake" : "sleeps"}`);
        const books = whowrote._books();
        say(`  records    ${books}`);
        say(`  lost to    ring full ${books.RingFull}, no memory ${books.NoMemory}, shutdown ${books.Shutdown}, overwritten ${books.Overwritten}`);
        for (const name of ["files", "processes", "volumes"]) {
            const count = (what) => header.counter(`${name}.${what}`).decimal();
            say(`  ${name.padEnd(9)}  at most ${header.constant(`${name}.limit`)}; refused ${count("refused")}, forgotten ${count("forgotten")}`);
        }
        const control = whowrote._control();
        if (control !== undefined) {
            say(`  recorded   ${control.recorded}`);
            say(`  excluded   by ${control.images} images and ${control.paths} paths; left out ${control.byImage} by image, ${control.byPath} by path`);
        }
        for (const shard of shards) {
            say(`  shard ${String(shard.index).padEnd(3)}  head ${shard.head}, taken to ${shard.taken}, tail ${shard.tail}; ` +
                `pushed ${shard.pushed}, refused ${shard.refused}, overwritten ${shard.overwritten}`);
        }
        return whowrote;
    });
}

function showRecords(records) {
    records.forEach((record) => say(record.toString()));
    say(`${records.length} record${records.length === 1 ? "" : "s"}`);
}

function ring(count) {
    command((whowrote) => {
        const most = countOr(count, DEFAULT_RECORDS);
        showRecords(whowrote._records(most).map((record) => new WriteRecord(whowrote, record)));
    });
}

function writes(who) {
    command((whowrote) => {
        if (who === undefined || who === null || String(who) === "") {
            throw new Problem('say whose: !whowrote.writes "image", a process id (0n3756), or "path"');
        }
        const text = String(who).toLowerCase();
        // What the debugger evaluated is a number, shown in whatever base; a text of digits is a process id, too.
        const pid = typeof who === "string" ? (/^[0-9]+$/.test(who) ? Number(who) : undefined)
            : typeof who === "number" ? who : who.asNumber !== undefined ? who.asNumber() : undefined;
        const has = (name) => name !== undefined && name.toLowerCase().includes(text);
        const fits = (record) => pid !== undefined ? record.Pid === pid
            : has(record.Image) || has(record.Path) || has(record.SourcePath);
        showRecords(whowrote.Records.filter(fits));
    });
}

function list(entries, count) {
    const most = countOr(count, DEFAULT_ENTRIES);
    let shown = 0;
    for (const entry of entries) {
        if (shown === most) {
            say(`and more; !whowrote.files N, or dx @$whowrote().Files, shows them`);
            return;
        }
        say(entry.toString());
        shown += 1;
    }
    say(`${shown} in all`);
}

function files(count) {
    command((whowrote) => list(whowrote.Files, count));
}

function processes(count) {
    command((whowrote) => list(whowrote.Processes, count));
}

function volumes(count) {
    command((whowrote) => list(whowrote.Volumes, count));
}

function initializeScript() {
    const commands = { "whowrote": state, "whowrote.ring": ring, "whowrote.writes": writes, "whowrote.files": files,
        "whowrote.processes": processes, "whowrote.volumes": volumes };
    return [new host.apiVersionSupport(1, 7)].concat(
        Object.keys(commands).map((name) => new host.functionAlias(commands[name], name)));
}
