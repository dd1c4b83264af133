//! The consumer's reply.

use crate::record::{DecodeError, Defect};

/// What a consumer answers to a batch. Any other answer, or none, has the batch sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The number of the batch.
    pub batch: u64,
    /// What became of it.
    pub status: Status,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The consumer has it; the driver may forget it.
    Accepted,
    /// The consumer could not take it, for a reason of its own.
    Refused(u32),
}

impl Acknowledgement {
    /// Bytes of a reply.
    pub const SIZE: usize = 16;

    /// The consumer has this batch.
    #[must_use]
    pub const fn accepted(batch: u64) -> Self {
        Self { batch, status: Status::Accepted }
    }

    /// Whether this lets the driver forget batch `batch`.
    #[must_use]
    pub const fn accepts(&self, batch: u64) -> bool {
        self.batch == batch && matches!(self.status, Status::Accepted)
    }

    /// The reply as it travels. ([`Status::Refused`] of 0 is an acceptance.)
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let status = match self.status {
            Status::Accepted => 0,
            Status::Refused(reason) => reason,
        };
        (u128::from(self.batch) | u128::from(status) << 64).to_le_bytes()
    }

    /// Reads a reply. What follows it is not looked at.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if it is too short.
    pub fn decode(reply: &[u8]) -> Result<Self, DecodeError> {
        let present = reply.len();
        let short =
            DecodeError { offset: present, defect: Defect::Truncated { needed: Self::SIZE, present } };
        let (batch, rest) = reply.split_first_chunk().ok_or(short)?;
        let (status, _reserved) =
            rest.split_first_chunk().filter(|(_, rest)| rest.len() >= 4).ok_or(short)?;
        let status = match u32::from_le_bytes(*status) {
            0 => Status::Accepted,
            reason => Status::Refused(reason),
        };
        Ok(Self { batch: u64::from_le_bytes(*batch), status })
    }
}
