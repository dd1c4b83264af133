//! The name cache: what the file system said of a name, until something is renamed or linked.
//!
//! Normalized and short names are those of a stream under the name by which it was opened; the opened name is the file
//! object's own, and so is what is found out before the file system has opened it. Only the text is kept: each query gives a
//! structure of its own, so that each holder's mistakes are its own.

use std::sync::Arc;

use super::options::Format;
use crate::util::Lock;

/// When something was asked of the file system: what is renamed since makes the answer worthless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Renames of directories on the volume.
    pub(super) volume: u64,
    /// Renames and links of the file.
    file: u64,
}

struct Cached {
    format: Format,
    /// The name on the volume by which it was opened, in upper case.
    link: Arc<str>,
    /// Renames of directories on the volume when it was asked for.
    volume: u64,
    text: Arc<[u16]>,
}

#[derive(Default)]
struct State {
    /// How often the file has been renamed or linked.
    renamed: u64,
    names: Vec<Cached>,
}

/// The names known of a stream or file object.
#[derive(Default)]
pub(crate) struct NameCache {
    state: Lock<State>,
}

impl NameCache {
    /// The moment before the file system is asked.
    pub(super) fn now(&self, volume: u64) -> Moment {
        Moment { volume, file: self.state.lock().renamed }
    }

    /// A name that is still right.
    pub(super) fn find(&self, format: Format, link: &str, volume: u64) -> Option<Arc<[u16]>> {
        let state = self.state.lock();
        let found = state.names.iter().find(|known| {
            // What was opened stays what was opened, whatever is renamed.
            let lasts = format == Format::Opened || known.volume == volume;
            known.format == format && &*known.link == link && lasts
        });
        found.map(|known| Arc::clone(&known.text))
    }

    /// Keeps a name, unless something has been renamed since it was asked for.
    pub(super) fn insert(&self, format: Format, link: &str, asked: Moment, text: &[u16]) {
        let mut state = self.state.lock();
        if state.renamed != asked.file {
            return;
        }
        state.names.retain(|known| known.format != format || &*known.link != link);
        state.names.push(Cached {
            format,
            link: Arc::from(link),
            volume: asked.volume,
            text: Arc::from(text),
        });
    }

    /// The file has been renamed or linked: what is known of its name is wrong.
    pub(crate) fn renamed(&self) {
        let mut state = self.state.lock();
        state.renamed += 1;
        state.names.retain(|known| known.format == Format::Opened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_before_a_rename_is_not_kept() {
        let cache = NameCache::default();
        let asked = cache.now(0);
        cache.renamed();
        cache.insert(Format::Normalized, "A", asked, &[1]);
        assert!(cache.find(Format::Normalized, "A", 0).is_none());
        cache.insert(Format::Normalized, "A", cache.now(0), &[2]);
        assert_eq!(cache.find(Format::Normalized, "A", 0).as_deref(), Some(&[2][..]));
        assert!(cache.find(Format::Normalized, "B", 0).is_none(), "another name of the same file");
        assert!(cache.find(Format::Normalized, "A", 1).is_none(), "a directory has been renamed");
    }

    #[test]
    fn the_opened_name_outlasts_renames() {
        let cache = NameCache::default();
        cache.insert(Format::Opened, "A", cache.now(0), &[1]);
        cache.renamed();
        assert!(cache.find(Format::Opened, "A", 1).is_some());
    }
}
