//! The memory that drivers can reach, as a file: what a debugger would see of them.
//!
//! All integers are little-endian. The file begins with a header,
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | the characters `NTSIMMEM` |
//! | 8 | 4 | version: 1 |
//! | 12 | 4 | segments that follow |
//!
//! then come the segments, in the order of their addresses, which do not overlap:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | address |
//! | 8 | 8 | bytes |
//! | 16 | 4 | kind: 1 the image of a driver, 2 a block of non-paged pool |
//! | 20 | 4 | bytes of the name |
//! | 24 | | name: the driver's service, or the block's tag; then the contents |
//!
//! Paged pool is left out, as it may be on disk.

use super::Sim;
use crate::abi::{Address, Ptr};

const MAGIC: &[u8; 8] = b"NTSIMMEM";
const VERSION: u32 = 1;

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image = 1,
    Pool = 2,
}

/// Where a segment is, and what.
struct Segment {
    address: Address,
    bytes: usize,
    kind: Kind,
    name: String,
}

impl Sim {
    /// The memory of all drivers' images and of non-paged pool, as it is now, in the format of the file that
    /// `sim/memory.rs` describes. Nothing else may happen on the machine meanwhile; with threads, whatever a thread
    /// writes at this moment may be there in part.
    #[must_use]
    pub fn memory(&self) -> Vec<u8> {
        let kernel = self.kernel();
        let mut segments: Vec<Segment> = Vec::new();
        for driver in kernel.drivers.lock().iter() {
            if let Some(image) = driver.image() {
                let (address, bytes) = (image.base(), image.bytes());
                let name = driver.service().to_owned();
                segments.push(Segment { address, bytes, kind: Kind::Image, name });
            }
        }
        kernel.pool.each_non_paged(|address, bytes, name| {
            segments.push(Segment { address, bytes, kind: Kind::Pool, name });
        });
        segments.sort_by_key(|segment| segment.address);
        written(&segments)
    }
}

fn written(segments: &[Segment]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend(length(segments.len()).to_le_bytes());
    for Segment { address, bytes, kind, name } in segments {
        file.extend((*address as u64).to_le_bytes());
        file.extend((*bytes as u64).to_le_bytes());
        file.extend((*kind as u32).to_le_bytes());
        file.extend(length(name.len()).to_le_bytes());
        file.extend(name.as_bytes());
        file.extend(Ptr::<u8>::at(*address).read_slice(*bytes));
    }
    file
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("there are fewer segments, and names are shorter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_written_as_described() {
        let memory = [7_u8, 8, 9];
        let address = memory.as_ptr().expose_provenance();
        let segment = Segment { address, bytes: 3, kind: Kind::Pool, name: "WhoW".to_owned() };
        let file = written(&[segment]);
        assert_eq!(file[..16], *b"NTSIMMEM\x01\0\0\0\x01\0\0\0");
        assert_eq!(file[16..24], (address as u64).to_le_bytes());
        assert_eq!(file[24..], *b"\x03\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0WhoW\x07\x08\x09");
    }
}
