//! Keys and their values.

use std::collections::BTreeMap;

use crate::util::Lock;

/// The control set that the current one is.
const CONTROL_SET: &str = r"\CONTROLSET001";
const CURRENT_CONTROL_SET: &str = r"\CURRENTCONTROLSET";

/// A value: its name as it was set, its type (`REG_*`), its data.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
}

/// A key, without those below it.
#[derive(Clone, Debug, Default)]
struct Key {
    /// The last part of its path, as it was made.
    name: String,
    values: Vec<Value>,
    /// In 100 ns since 1601-01-01 UTC.
    written: u64,
}

/// What is known of a key.
pub(crate) struct KeyFacts {
    pub(crate) name: String,
    pub(crate) written: u64,
    pub(crate) values: Vec<Value>,
    /// The names of the keys right below it, in their order.
    pub(crate) children: Vec<String>,
}

/// The registry of one machine: keys by their path in upper case.
#[derive(Default)]
pub(crate) struct Registry {
    keys: Lock<BTreeMap<String, Key>>,
}

/// The form in which paths are compared.
fn canonical(path: &str) -> String {
    path.trim_end_matches('\\').to_uppercase().replace(CONTROL_SET, CURRENT_CONTROL_SET)
}

fn find<'a>(key: &'a Key, name: &str) -> Option<(usize, &'a Value)> {
    key.values.iter().enumerate().find(|(_, value)| value.name.to_uppercase() == name.to_uppercase())
}

impl Registry {
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.keys.lock().contains_key(&canonical(path))
    }

    /// Makes a key, with those above it. Returns whether it was not there.
    pub(crate) fn create(&self, path: &str, now: u64) -> bool {
        let mut keys = self.keys.lock();
        let path = path.trim_end_matches('\\');
        let made = !keys.contains_key(&canonical(path));
        let ends = path.match_indices('\\').map(|(at, _)| at).skip(1).chain([path.len()]);
        for end in ends {
            let name = path[..end].rsplit('\\').next().unwrap_or_default().to_owned();
            keys.entry(canonical(&path[..end])).or_insert_with(|| Key {
                name,
                values: Vec::new(),
                written: now,
            });
        }
        made
    }

    /// Deletes a key that has none below it. Returns whether it could.
    pub(crate) fn delete(&self, path: &str) -> bool {
        let mut keys = self.keys.lock();
        let path = canonical(path);
        let below = format!("{path}\\");
        if keys.keys().any(|other| other.starts_with(&below)) {
            return false;
        }
        keys.remove(&path).is_some()
    }

    pub(crate) fn facts(&self, path: &str) -> Option<KeyFacts> {
        let keys = self.keys.lock();
        let path = canonical(path);
        let key = keys.get(&path)?;
        let below = format!("{path}\\");
        let is_child = |other: &str| other.strip_prefix(&below).is_some_and(|rest| !rest.contains('\\'));
        let children =
            keys.iter().filter(|(other, _)| is_child(other)).map(|(_, key)| key.name.clone()).collect();
        Some(KeyFacts { name: key.name.clone(), written: key.written, values: key.values.clone(), children })
    }

    pub(crate) fn value(&self, path: &str, name: &str) -> Option<Value> {
        let keys = self.keys.lock();
        find(keys.get(&canonical(path))?, name).map(|(_, value)| value.clone())
    }

    /// Sets a value of a key that is there; returns whether it is.
    pub(crate) fn set(&self, path: &str, value: Value, now: u64) -> bool {
        let mut keys = self.keys.lock();
        let Some(key) = keys.get_mut(&canonical(path)) else { return false };
        match find(key, &value.name).map(|(at, _)| at) {
            Some(at) => key.values[at] = value,
            None => key.values.push(value),
        }
        key.written = now;
        true
    }

    /// Deletes a value; returns whether it was there.
    pub(crate) fn delete_value(&self, path: &str, name: &str, now: u64) -> bool {
        let mut keys = self.keys.lock();
        let Some(key) = keys.get_mut(&canonical(path)) else { return false };
        let Some((at, _)) = find(key, name) else { return false };
        key.values.remove(at);
        key.written = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_brings_those_above_it_and_is_found_in_any_case() {
        let registry = Registry::default();
        assert!(registry.create(r"\Registry\Machine\System\CurrentControlSet\Services\One", 5));
        assert!(!registry.create(r"\registry\machine\SYSTEM\ControlSet001\services\ONE", 6));
        let facts =
            registry.facts(r"\Registry\Machine\System\CurrentControlSet\Services").expect("it is there");
        assert_eq!(
            (facts.name.as_str(), facts.children, facts.written),
            ("Services", vec!["One".to_owned()], 5)
        );
        assert!(!registry.delete(r"\Registry\Machine\System"));
        assert!(registry.delete(r"\Registry\Machine\System\CurrentControlSet\Services\One"));
    }
}
