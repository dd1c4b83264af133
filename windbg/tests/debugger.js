// A stand-in for the debugger's JavaScript provider over a memory image: what "Native Debugger Objects in JavaScript
// Extensions" and "JavaScript Debugger Scripting" document, and nothing else. Whoever uses another name fails.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const SCRIPT = path.join(__dirname, "..", "whowrote.js");
const MASK = (1n << 64n) - 1n;

/// What a script may read before it is taken to hang.
const BUDGET = 1 << 28;

/// The library type for numbers of 64 bits. It is an object: arithmetic on it is a mistake, and told.
class Int64 {
    #value;

    constructor(low, high) {
        if (low instanceof Int64) {
            this.#value = low.#value;
            return;
        }
        if (!Number.isSafeInteger(low) || (high !== undefined && !Number.isSafeInteger(high))) {
            throw new TypeError(`${String(low)} cannot be packed into an Int64`);
        }
        this.#value = (high === undefined ? BigInt(low) : BigInt(low >>> 0) | BigInt(high >>> 0) << 32n) & MASK;
    }

    static of(value) {
        const made = new Int64(0);
        made.#value = value & MASK;
        return made;
    }

    static valueOf(int64) {
        return int64.#value;
    }

    static isOne(value) {
        return typeof value === "object" && value !== null && #value in value;
    }

    getLowPart() {
        return Number(this.#value & 0xFFFFFFFFn);
    }

    getHighPart() {
        return Number(this.#value >> 32n);
    }

    asNumber() {
        const number = Number(this.#value);
        if (!Number.isSafeInteger(number)) {
            throw new Error("loss of information");
        }
        return number;
    }

    convertToNumber() {
        return Number(this.#value);
    }

    add(other) {
        return Int64.of(this.#value + (Int64.isOne(other) ? other.#value : BigInt(other)));
    }

    equals(other) {
        return this.#value === (Int64.isOne(other) ? other.#value : BigInt(other));
    }

    compareTo(other) {
        return this.#value < other.#value ? -1 : Number(this.#value > other.#value);
    }

    toString(radix) {
        return radix === 16 || radix === undefined ? "0x" + this.#value.toString(16) : this.#value.toString(radix);
    }

    [Symbol.toPrimitive](hint) {
        if (hint === "string") {
            return this.toString();
        }
        throw new TypeError("an Int64 is no number");
    }
}

/// An object on which only what it has may be asked for.
function strict(what, properties) {
    return new Proxy(properties, {
        get(target, name) {
            if (typeof name === "string" && !(name in target)) {
                throw new Error(`the script uses ${what}.${name}, which is not documented or not there yet`);
            }
            return target[name];
        },
    });
}

class Debugger {
    constructor(memory) {
        this.memory = memory;
        this.output = "";
        this.budget = BUDGET;
        const phase1 = this.phase1();
        const host = { ...phase1 };
        // the debugger's engine has ES6 and no more
        const context = vm.createContext({ host: strict("host", host) });
        vm.runInContext("delete globalThis.BigInt; delete globalThis.console; delete globalThis.WeakRef;", context);
        vm.runInContext(fs.readFileSync(SCRIPT, "utf8"), context, { filename: SCRIPT });
        const records = vm.runInContext("initializeScript()", context);
        this.aliases = new Map();
        for (const record of records) {
            if (record instanceof phase1.functionAlias) {
                this.aliases.set(record.name, record.object);
            } else if (!(record instanceof phase1.apiVersionSupport)) {
                throw new Error("initializeScript returned something that is not documented");
            }
        }
        Object.assign(host, this.phase2());
    }

    phase1() {
        const note = (text) => { this.output += text; };
        return {
            Int64,
            apiVersionSupport: class { constructor(major, minor) { Object.assign(this, { major, minor }); } },
            functionAlias: class { constructor(object, name) { Object.assign(this, { object, name }); } },
            diagnostics: strict("host.diagnostics", { debugLog: (...parts) => note(parts.map(String).join("")) }),
        };
    }

    phase2() {
        return {
            memory: strict("host.memory", {
                readMemoryValues: (...parameters) => this.readMemoryValues(...parameters),
            }),
            getModuleSymbolAddress: (module, symbol) => {
                const address = this.memory.exported(module, symbol);
                if (address === undefined) {
                    throw new Error("Unable to find symbol");
                }
                return Int64.of(address);
            },
        };
    }

    readMemoryValues(location, count, size = 1, isSigned = false) {
        if (!Int64.isOne(location)) {
            throw new TypeError("an address is an Int64");
        }
        if (size !== 1 || isSigned) {
            throw new Error("the stand-in reads unsigned bytes only");
        }
        this.budget -= count + 64;
        if (this.budget < 0) {
            throw new Endless();
        }
        const bytes = this.memory.at(Int64.valueOf(location), count);
        if (bytes === undefined) {
            throw new Error(`Unable to read memory at ${location}`);
        }
        return Uint8Array.from(bytes);
    }

    /// Runs a command and gives what it printed.
    run(alias, ...parameters) {
        this.output = "";
        this.result = this.aliases.get(alias)(...parameters);
        if (this.budget < 0) {
            throw new Endless();
        }
        return this.output;
    }
}

/// The script reads and reads.
class Endless extends Error {
    constructor() {
        super("the script has read more than any image can hold");
    }
}

module.exports = { Debugger, Int64 };
