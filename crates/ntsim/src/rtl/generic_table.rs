//! Generic tables: `RTL_GENERIC_TABLE` (splay trees) and `RTL_AVL_TABLE`. The order of the elements is kept here, by the
//! table's address; the elements are where the driver's routine allocated them, behind room for the links.

use std::cmp::Ordering;

use crate::abi::{Address, Ptr};
use crate::ke::Cpu;
use crate::ke::cpu::invoke;
use crate::util::{AddressMap, Lock};

/// `RTL_GENERIC_COMPARE_RESULTS`
const LESS: usize = 0;
const GREATER: usize = 1;

/// The two kinds of table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Splay,
    Avl,
}

/// Where a kind keeps its fields (ntddk.h: `RTL_GENERIC_TABLE`, `RTL_AVL_TABLE`).
struct Layout {
    bytes: usize,
    count: usize,
    compare: usize,
    allocate: usize,
    free: usize,
    context: usize,
    /// What precedes an element: links and, in a splay tree, the order of insertion.
    header: usize,
}

impl Kind {
    const fn layout(self) -> Layout {
        match self {
            Self::Splay => {
                Layout { bytes: 72, count: 36, compare: 40, allocate: 48, free: 56, context: 64, header: 40 }
            }
            Self::Avl => {
                Layout { bytes: 104, count: 44, compare: 72, allocate: 80, free: 88, context: 96, header: 32 }
            }
        }
    }
}

/// A table's elements, in order, and how far an enumeration without a restart key has come.
#[derive(Default)]
struct Elements {
    sorted: Vec<Ptr>,
    next: usize,
}

/// The tables of one kernel.
#[derive(Default)]
pub(crate) struct GenericTables {
    tables: Lock<AddressMap<Elements>>,
}

/// A table of a driver.
struct Table<'a> {
    cpu: &'a Cpu,
    place: Ptr,
    kind: Kind,
}

impl<'a> Table<'a> {
    fn new(cpu: &'a Cpu, place: Ptr, kind: Kind) -> Self {
        Self { cpu, place, kind }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Elements) -> R) -> R {
        work(self.cpu.kernel().generic_tables.tables.lock().entry(self.place.address()).or_default())
    }

    fn field(&self, offset: usize) -> Ptr {
        self.place.byte_offset::<Ptr>(offset).read()
    }

    /// Calls a routine of the driver.
    fn call(&self, routine: Ptr, arguments: &[usize]) -> usize {
        let outer = self.cpu.routine.take();
        let result = invoke(routine, arguments);
        self.cpu.routine.set(outer);
        result
    }

    fn compare(&self, first: Ptr, second: Ptr) -> Ordering {
        let routine = self.field(self.kind.layout().compare);
        let arguments = [self.place.address(), first.address(), second.address()];
        match self.call(routine, &arguments) & 0xFFFF_FFFF {
            LESS => Ordering::Less,
            GREATER => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    /// The element that compares equal, or where it would be. No lock is held while the driver compares.
    fn search(&self, key: Ptr) -> Result<(usize, Ptr), usize> {
        let elements = self.with(|elements| elements.sorted.clone());
        let (mut low, mut high) = (0, elements.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.compare(key, elements[middle]) {
                Ordering::Less => high = middle,
                Ordering::Greater => low = middle + 1,
                Ordering::Equal => return Ok((middle, elements[middle])),
            }
        }
        Err(low)
    }

    fn note_count(&self) {
        let count = self.with(|elements| elements.sorted.len());
        let place = self.place.byte_offset::<u32>(self.kind.layout().count);
        place.write(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn initialize(&self, routines: [Ptr; 3], context: Ptr) {
        let layout = self.kind.layout();
        self.place.cast::<u8>().write_slice(&vec![0; layout.bytes]);
        for (offset, routine) in [layout.compare, layout.allocate, layout.free].into_iter().zip(routines) {
            self.place.byte_offset::<Ptr>(offset).write(routine);
        }
        self.place.byte_offset::<Ptr>(layout.context).write(context);
        self.with(|elements| *elements = Elements::default());
    }

    fn insert(&self, buffer: Ptr, bytes: u32, new: Ptr<u8>) -> Ptr {
        let position = match self.search(buffer) {
            Ok((_, element)) => {
                new.write_if_given(0);
                return element;
            }
            Err(position) => position,
        };
        let layout = self.kind.layout();
        let whole = layout.header + bytes as usize;
        let node = self.call(self.field(layout.allocate), &[self.place.address(), whole]);
        if node == 0 {
            new.write_if_given(0);
            return Ptr::NULL;
        }
        let element = Ptr::at(node + layout.header);
        element.cast::<u8>().write_slice(&buffer.cast::<u8>().read_slice(bytes as usize));
        self.with(|elements| elements.sorted.insert(position.min(elements.sorted.len()), element));
        self.note_count();
        new.write_if_given(1);
        element
    }

    fn delete(&self, key: Ptr) -> u8 {
        let Ok((_, element)) = self.search(key) else { return 0 };
        self.with(|elements| elements.sorted.retain(|other| *other != element));
        self.note_count();
        let layout = self.kind.layout();
        let node = element.address() - layout.header;
        self.call(self.field(layout.free), &[self.place.address(), node]);
        1
    }

    fn lookup(&self, key: Ptr) -> Ptr {
        self.search(key).map_or(Ptr::NULL, |(_, element)| element)
    }

    /// `RtlEnumerate…`: from the beginning if asked, else the next.
    fn enumerate(&self, restart: u8) -> Ptr {
        self.with(|elements| {
            if restart != 0 {
                elements.next = 0;
            }
            let found = elements.sorted.get(elements.next).copied();
            elements.next += 1;
            found.unwrap_or(Ptr::NULL)
        })
    }

    /// The same, with the driver's key in place of the table's.
    fn enumerate_from(&self, key: Ptr<Address>) -> Ptr {
        let after = key.read();
        self.with(|elements| {
            let last = elements.sorted.iter().position(|element| element.address() == after);
            let found = elements.sorted.get(last.map_or(0, |last| last + 1)).copied();
            found.filter(|_| after == 0 || last.is_some())
        })
        .map_or(Ptr::NULL, |element| {
            key.write(element.address());
            element
        })
    }

    fn get(&self, index: u32) -> Ptr {
        self.with(|elements| elements.sorted.get(index as usize).copied()).unwrap_or(Ptr::NULL)
    }

    fn count(&self) -> usize {
        self.with(|elements| elements.sorted.len())
    }
}

macro_rules! routines {
    ($kind:ident: $initialize:ident $insert:ident $delete:ident $lookup:ident $enumerate:ident $enumerate_from:ident
        $get:ident $count:ident $is_empty:ident) => {
        #[doc = concat!("`RtlInitializeGenericTable`, ", stringify!($kind))]
        pub(crate) fn $initialize(
            cpu: &Cpu,
            table: Ptr,
            compare: Ptr,
            allocate: Ptr,
            free: Ptr,
            context: Ptr,
        ) {
            Table::new(cpu, table, Kind::$kind).initialize([compare, allocate, free], context);
        }

        #[doc = concat!("`RtlInsertElementGenericTable`, ", stringify!($kind))]
        pub(crate) fn $insert(cpu: &Cpu, table: Ptr, buffer: Ptr, bytes: u32, new: Ptr<u8>) -> Ptr {
            Table::new(cpu, table, Kind::$kind).insert(buffer, bytes, new)
        }

        #[doc = concat!("`RtlDeleteElementGenericTable`, ", stringify!($kind))]
        pub(crate) fn $delete(cpu: &Cpu, table: Ptr, buffer: Ptr) -> u8 {
            Table::new(cpu, table, Kind::$kind).delete(buffer)
        }

        #[doc = concat!("`RtlLookupElementGenericTable`, ", stringify!($kind))]
        pub(crate) fn $lookup(cpu: &Cpu, table: Ptr, buffer: Ptr) -> Ptr {
            Table::new(cpu, table, Kind::$kind).lookup(buffer)
        }

        #[doc = concat!("`RtlEnumerateGenericTable`, ", stringify!($kind))]
        pub(crate) fn $enumerate(cpu: &Cpu, table: Ptr, restart: u8) -> Ptr {
            Table::new(cpu, table, Kind::$kind).enumerate(restart)
        }

        #[doc = concat!("`RtlEnumerateGenericTableWithoutSplaying`, ", stringify!($kind))]
        pub(crate) fn $enumerate_from(cpu: &Cpu, table: Ptr, key: Ptr<Address>) -> Ptr {
            Table::new(cpu, table, Kind::$kind).enumerate_from(key)
        }

        #[doc = concat!("`RtlGetElementGenericTable`, ", stringify!($kind))]
        pub(crate) fn $get(cpu: &Cpu, table: Ptr, index: u32) -> Ptr {
            Table::new(cpu, table, Kind::$kind).get(index)
        }

        #[doc = concat!("`RtlNumberGenericTableElements`, ", stringify!($kind))]
        pub(crate) fn $count(cpu: &Cpu, table: Ptr) -> u32 {
            u32::try_from(Table::new(cpu, table, Kind::$kind).count()).unwrap_or(u32::MAX)
        }

        #[doc = concat!("`RtlIsGenericTableEmpty`, ", stringify!($kind))]
        pub(crate) fn $is_empty(cpu: &Cpu, table: Ptr) -> u8 {
            u8::from(Table::new(cpu, table, Kind::$kind).count() == 0)
        }
    };
}

routines!(Splay: initialize insert delete lookup enumerate enumerate_from get count is_empty);
routines!(Avl: initialize_avl insert_avl delete_avl lookup_avl enumerate_avl enumerate_from_avl get_avl count_avl
    is_empty_avl);
