//! The record of a remote client.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::SlotBytes;
use super::error::{DecodeError, Defect};
use super::layout::{Kind, Lead, Words};
use super::payload::{Contents, DictionaryEntry, Payload, TRUNCATED};
use super::text::Text;
use crate::key::ClientKey;

/// Byte offset of the address's size in the record.
const ADDRESS_SIZE: usize = 19;
/// Byte offset of the share's size.
const SHARE_SIZE: usize = 32;
/// Bytes of addresses.
const V4: u8 = 4;
const V6: u8 = 16;

/// What the key of a remote client stands for: a machine, and the share that it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientEntry<'a> {
    /// The key.
    pub key: ClientKey,
    /// When it was met first: 100 ns units since 1601 UTC; 0 if not known.
    pub met: u64,
    /// Where it is; `None` if not known.
    pub address: Option<IpAddr>,
    /// The share, such as `\\server\data`; empty if not known.
    pub share: Text<'a>,
    /// Whether the share's name was too long for a record and is cut off. Written as the name demands.
    pub truncated: bool,
}

impl<'a> ClientEntry<'a> {
    pub(super) fn decode(first: &Words, following: &'a [SlotBytes]) -> Result<Self, DecodeError> {
        let [_, met, _, key, share_size, front, back, _] = *first;
        let Lead { byte_18: flags, byte_19: address_size, .. } = Lead::of(first);
        let [share, _] = Payload::split(following, [(share_size & 0xFFFF) as u16, 0], SHARE_SIZE)?;
        let [front, back] = [front, back].map(u64::swap_bytes);
        let address = match address_size {
            0 => None,
            V4 => Some(IpAddr::V4(Ipv4Addr::from_bits((front >> 32) as u32))),
            V6 => Some(IpAddr::V6(Ipv6Addr::from_bits(u128::from(front) << 64 | u128::from(back)))),
            size => return Err(DecodeError { offset: ADDRESS_SIZE, defect: Defect::AddressSize(size) }),
        };
        Ok(Self {
            key: ClientKey(key),
            met,
            address,
            share: share.text(SHARE_SIZE)?,
            truncated: flags & TRUNCATED != 0,
        })
    }
}

impl DictionaryEntry for ClientEntry<'_> {
    fn contents(&self) -> Contents<'_> {
        Contents::new(&[], [self.share, Text::EMPTY])
    }

    fn first(&self, contents: &Contents<'_>) -> Words {
        // In network order, the first byte in the lowest bits of the word.
        let (address_size, front, back) = match self.address {
            None => (0, 0, 0),
            Some(IpAddr::V4(address)) => (V4, u64::from(address.to_bits()) << 32, 0),
            Some(IpAddr::V6(address)) => {
                let octets = address.octets();
                let (halves, _) = octets.as_chunks();
                let half = |index| halves.get(index).copied().map_or(0, u64::from_be_bytes);
                (V6, half(0), half(1))
            }
        };
        let lead = Lead {
            kind: Kind::CLIENT,
            slots: contents.slots(),
            byte_18: contents.flags(),
            byte_19: address_size,
            dword_20: 0,
        };
        let [share_size, _] = contents.text_sizes();
        let [front, back] = [front, back].map(u64::swap_bytes);
        [0, self.met, lead.word(), self.key.0, u64::from(share_size), front, back, 0]
    }
}
