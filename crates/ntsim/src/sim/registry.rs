//! The registry of the machine, as the harness fills it and looks at it.

use super::Sim;
use crate::cm::{SERVICES, Value};

/// A value of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryValue {
    /// `REG_SZ`
    Text(String),
    /// `REG_EXPAND_SZ`
    ExpandText(String),
    /// `REG_MULTI_SZ`
    Texts(Vec<String>),
    /// `REG_DWORD`
    Dword(u32),
    /// `REG_QWORD`
    Qword(u64),
    /// `REG_BINARY`
    Binary(Vec<u8>),
    /// Any other type, by its number.
    Other(u32, Vec<u8>),
}

/// `REG_*`
const SZ: u32 = 1;
const EXPAND_SZ: u32 = 2;
const BINARY: u32 = 3;
const DWORD: u32 = 4;
const MULTI_SZ: u32 = 7;
const QWORD: u32 = 11;

fn text_bytes(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn text_of(data: &[u8]) -> String {
    let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(units.strip_suffix(&[0]).unwrap_or(&units))
}

impl RegistryValue {
    fn encode(&self) -> (u32, Vec<u8>) {
        match self {
            Self::Text(text) => (SZ, text_bytes(text)),
            Self::ExpandText(text) => (EXPAND_SZ, text_bytes(text)),
            Self::Texts(texts) => {
                let texts = texts.iter().flat_map(|text| text_bytes(text));
                (MULTI_SZ, texts.chain([0, 0]).collect())
            }
            Self::Dword(value) => (DWORD, value.to_le_bytes().to_vec()),
            Self::Qword(value) => (QWORD, value.to_le_bytes().to_vec()),
            Self::Binary(data) => (BINARY, data.clone()),
            Self::Other(kind, data) => (*kind, data.clone()),
        }
    }

    fn decode(kind: u32, data: Vec<u8>) -> Self {
        if let (DWORD, Ok(bytes)) = (kind, data.as_slice().try_into()) {
            return Self::Dword(u32::from_le_bytes(bytes));
        }
        if let (QWORD, Ok(bytes)) = (kind, data.as_slice().try_into()) {
            return Self::Qword(u64::from_le_bytes(bytes));
        }
        match kind {
            SZ => Self::Text(text_of(&data)),
            EXPAND_SZ => Self::ExpandText(text_of(&data)),
            MULTI_SZ => {
                let whole = text_of(&data);
                Self::Texts(whole.split('\0').filter(|text| !text.is_empty()).map(str::to_owned).collect())
            }
            BINARY => Self::Binary(data),
            _ => Self::Other(kind, data),
        }
    }
}

impl Sim {
    /// Sets a value in the registry, such as of `\Registry\Machine\System\CurrentControlSet\Services\…`; the key is made if it
    /// is not there.
    pub fn set_registry_value(&self, key: &str, name: &str, value: &RegistryValue) {
        let kernel = self.kernel();
        kernel.registry.create(key, kernel.clock.now());
        let (kind, data) = value.encode();
        kernel.registry.set(key, Value { name: name.to_owned(), kind, data }, kernel.clock.now());
    }

    /// Sets a value of the `Parameters` key of a driver's service.
    pub fn set_parameter(&self, service: &str, name: &str, value: &RegistryValue) {
        self.set_registry_value(&format!(r"{SERVICES}{service}\Parameters"), name, value);
    }

    /// A value of the registry, if it is there.
    #[must_use]
    pub fn registry_value(&self, key: &str, name: &str) -> Option<RegistryValue> {
        self.kernel().registry.value(key, name).map(|value| RegistryValue::decode(value.kind, value.data))
    }
}
