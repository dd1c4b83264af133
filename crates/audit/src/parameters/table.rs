//! Which parameters there are.

use super::value::{REG_DWORD, REG_MULTI_SZ};

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// Slots of the ring for each processor.
    RingSize,
    /// What is recorded, as bits of [`Audit`].
    Audit,
    /// Processes whose writes are left out, by their images.
    ExcludeImages,
    /// Files to which writes are left out, by their paths.
    ExcludePaths,
}

/// Where the value in effect comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Nobody set one, or what was set was refused.
    Default,
    /// The `Parameters` key of the service.
    Registry,
    /// The control port.
    Port,
}

/// What values a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `REG_DWORD`, a power of two.
    PowerOfTwo {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
        /// Where none is set.
        default: u32,
    },
    /// `REG_DWORD`, any of these bits.
    Bits {
        /// Those that there are.
        all: Audit,
        /// Where none is set.
        default: Audit,
    },
    /// `REG_MULTI_SZ`, rules of exclusion; none where none is set.
    Rules {
        /// Whether a rule may be a file name alone.
        names: bool,
    },
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The parameter.
    pub parameter: Parameter,
    /// Its name in the registry.
    pub name: &'static str,
    /// Its type and range.
    pub shape: Shape,
    /// Whether it may change while the driver runs.
    pub while_running: bool,
    /// What it means, in a line.
    pub meaning: &'static str,
}

bitflags::bitflags! {
    /// What is recorded.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Audit: u32 {
        /// Writes through handles.
        const WRITES = 1 << 0;
        /// Writes through mapped views.
        const MAPPED = 1 << 1;
        /// Other ways in which files change: creation, deletion, renaming, links, sizes, file-system controls.
        const CHANGES = 1 << 2;
    }
}

/// All parameters.
pub const TABLE: [Row; 4] = [
    Row {
        parameter: Parameter::RingSize,
        name: "RingSize",
        shape: Shape::PowerOfTwo { least: 1 << 10, most: 1 << 18, default: 1 << 14 },
        while_running: false,
        meaning: "slots of the ring for each processor, 64 bytes each",
    },
    Row {
        parameter: Parameter::Audit,
        name: "Audit",
        // Mapped writes cost every paging write a look at its stream: whoever wants them says so.
        shape: Shape::Bits { all: Audit::all(), default: Audit::WRITES.union(Audit::CHANGES) },
        while_running: true,
        meaning: "what is recorded: 1 writes, 2 mapped writes (if set at load), 4 other changes",
    },
    Row {
        parameter: Parameter::ExcludeImages,
        name: "ExcludeImages",
        shape: Shape::Rules { names: true },
        while_running: true,
        meaning: "processes whose writes are left out, by image",
    },
    Row {
        parameter: Parameter::ExcludePaths,
        name: "ExcludePaths",
        shape: Shape::Rules { names: false },
        while_running: true,
        meaning: "files to which writes are left out, by path",
    },
];

impl Parameter {
    /// Its row.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        let [ring_size, audit, images, paths] = &TABLE;
        match self {
            Self::RingSize => ring_size,
            Self::Audit => audit,
            Self::ExcludeImages => images,
            Self::ExcludePaths => paths,
        }
    }
}

impl Shape {
    /// The registry type.
    #[must_use]
    pub const fn registry_type(self) -> u32 {
        match self {
            Self::PowerOfTwo { .. } | Self::Bits { .. } => REG_DWORD,
            Self::Rules { .. } => REG_MULTI_SZ,
        }
    }

    /// The number where none is set; of rules, how many.
    #[must_use]
    pub const fn default(self) -> u32 {
        match self {
            Self::PowerOfTwo { default, .. } => default,
            Self::Bits { default, .. } => default.bits(),
            Self::Rules { .. } => 0,
        }
    }
}
