//! What a debugger finds without private symbols: `WHOWROTE_DEBUG`, as `audit::debug` describes it.

use audit::debug::{ControlItems, Header, IdItems, Item, Items, RingItems};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;

use crate::dictionary::described::{FileItems, ProcessItems, VolumeItems};
use crate::state::State;

/// The header. The driver writes it and never reads it.
// SAFETY: no other symbol of the image has this name.
#[unsafe(export_name = "WHOWROTE_DEBUG")]
static DEBUG: Header<Debug> = Header::new(Debug::new());

#[repr(C)]
struct Debug {
    format_major: Item,
    format_minor: Item,
    session: Item,
    recording: Item,
    stopping: Item,
    connection: Item,
    delivered: Item,
    undelivered: Item,
    ring: RingItems,
    array_address: Item,
    array_length: Item,
    id: IdItems,
    files: FileItems,
    processes: ProcessItems,
    volumes: VolumeItems,
    control: ControlItems,
}

impl Debug {
    const fn new() -> Self {
        const DRIVER: &str = "driver";
        const ARRAY: &str = "array";
        let [address, length] = PoolArray::<u8>::OFFSETS;
        Self {
            format_major: Item::constant("format", "major", audit::batch::MAJOR as u64),
            format_minor: Item::constant("format", "minor", audit::batch::MINOR as u64),
            session: Item::constant(DRIVER, "session", 0),
            recording: Item::counter::<usize>(DRIVER, "recording"), // a pointer: null means no
            stopping: Item::counter::<bool>(DRIVER, "stopping"),
            connection: Item::counter::<u64>(DRIVER, "connection"),
            delivered: Item::counter::<u64>(DRIVER, "delivered"),
            undelivered: Item::counter::<u64>(DRIVER, "undelivered"),
            ring: RingItems::new(),
            array_address: Item::field(ARRAY, "address", address, size_of::<usize>()),
            array_length: Item::field(ARRAY, "length", length, size_of::<usize>()),
            id: IdItems::new(),
            files: FileItems::new(),
            processes: ProcessItems::new(),
            volumes: VolumeItems::new(),
            control: ControlItems::new(),
        }
    }
}

/// Maximum IRQL of all of it: any.
impl Items for Debug {
    fn clear(&self) {
        let Self { recording, stopping, connection, delivered, undelivered, .. } = self;
        for item in [recording, stopping, connection, delivered, undelivered] {
            item.clear();
        }
        self.ring.clear();
        self.files.clear();
        self.processes.clear();
        self.volumes.clear();
        self.control.clear();
    }
}

/// Tells debuggers of the state, which lives until after [`forget`].
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn tell(state: &State) {
    assert_at_most(PASSIVE_LEVEL);
    let items = &DEBUG.items;
    items.session.is(state.session);
    state.describe([&items.recording, &items.stopping, &items.connection]);
    items.delivered.at(&state.delivered);
    items.undelivered.at(&state.undelivered);
    state.ring.describe(&items.ring);
    state.files.shelf().describe(&items.files.dictionary);
    state.processes.shelf().describe(&items.processes.dictionary);
    state.volumes.shelf().describe(&items.volumes.dictionary);
    state.parameters.describe(&items.control);
    state.exclusions.describe(&items.control);
    DEBUG.publish(state);
}

/// The state is about to go.
///
/// Maximum IRQL: any.
pub(crate) fn forget() {
    DEBUG.clear();
}
