//! Sections, views and the cache; other filters.

use crate::place::BadInput;
use crate::scenario::model::{Act, Action, Filter, Memory};
use crate::scenario::node::Node;
use crate::scenario::parse::Reader;
use crate::scenario::scope::{Life, Thing};
use crate::scenario::words;

impl Reader<'_> {
    /// A step of this kind; `None` if the node is no such step.
    pub(super) fn memory_step(&mut self, node: &mut Node<'_, '_>) -> Result<Option<Action>, BadInput> {
        let memory = match node.name() {
            "section" => {
                let name = self.defined(node, Thing::Section)?;
                Memory::Section {
                    name,
                    thread: self.thread_property(node, Life::Needed)?,
                    handle: self.handle_property(node, "handle")?,
                    protection: node
                        .word("protection", &words::PROTECTIONS)?
                        .unwrap_or(words::DEFAULT_PROTECTION),
                    size: node.number("size")?,
                }
            }
            "share-section" => {
                let name = self.defined(node, Thing::Section)?;
                let process = node.needed_text("process")?.to_owned();
                self.scope.process(&process).map_err(|message| node.error_at("process", message))?;
                Memory::Share {
                    name,
                    thread: self.thread_property(node, Life::Needed)?,
                    from: self.section_property(node, "from")?,
                    process,
                }
            }
            "map" => Memory::Map {
                view: self.defined(node, Thing::View)?,
                thread: self.thread_property(node, Life::Needed)?,
                section: self.section_property(node, "section")?,
            },
            "dirty" => Memory::Dirty {
                view: self.view_argument(node)?,
                thread: self.thread_property(node, Life::Needed)?,
                offset: node.needed_number("offset")?,
                length: node.needed_number("length")?,
            },
            "flush-view" => Memory::FlushView {
                view: self.view_argument(node)?,
                thread: self.thread_property(node, Life::Needed)?,
                offset: node.needed_number("offset")?,
                length: node.needed_number("length")?,
            },
            "unmap" => Memory::Unmap {
                view: self.view_argument(node)?,
                thread: self.thread_property(node, Life::Needed)?,
            },
            "close-section" => {
                let section = node.argument("a section")?.to_owned();
                self.scope.section(&section).map_err(|message| node.error(message))?;
                Memory::Close { section, thread: self.thread_property(node, Life::Needed)? }
            }
            "lazy-write" => Memory::LazyWrite,
            "write-mapped-pages" => Memory::ModifiedWrite,
            "mdl-write" => Memory::MdlWrite {
                handle: self.handle_argument(node)?,
                thread: self.thread_property(node, Life::Needed)?,
                offset: node.needed_number("offset")?,
                length: node.needed_number("length")?,
                fast_io: node.flag("fast-io")?,
            },
            "filter" => return read_filter(node).map(|filter| Some(Action::Filter(filter))),
            "release-held" => return Ok(Some(Action::ReleaseHeld)),
            _ => return Ok(None),
        };
        Ok(Some(Action::Memory(memory)))
    }

    /// The name of something that the node defines.
    fn defined(&mut self, node: &mut Node<'_, '_>, thing: Thing) -> Result<String, BadInput> {
        let name = node.argument("a name")?.to_owned();
        self.scope.define(&name, thing).map_err(|message| node.error(message))?;
        Ok(name)
    }

    fn section_property(&self, node: &mut Node<'_, '_>, property: &str) -> Result<String, BadInput> {
        let name = node.needed_text(property)?.to_owned();
        self.scope.section(&name).map_err(|message| node.error_at(property, message))?;
        Ok(name)
    }

    fn view_argument(&self, node: &mut Node<'_, '_>) -> Result<String, BadInput> {
        let name = node.argument("a view")?.to_owned();
        self.scope.view(&name).map_err(|message| node.error(message))?;
        Ok(name)
    }
}

fn read_filter(node: &mut Node<'_, '_>) -> Result<Filter, BadInput> {
    let name = node.argument("a name")?.to_owned();
    let act = node.needed_text("act")?.to_owned();
    let act = match node.one_of("act", &act, &words::ACTS)? {
        Act::Write { .. } => {
            Act::Write { offset: node.needed_number("offset")?, length: node.needed_number("length")? }
        }
        act => act,
    };
    Ok(Filter {
        name,
        altitude: node.needed_text("altitude")?.to_owned(),
        operation: node.word("operation", &words::OPERATIONS)?.unwrap_or(words::DEFAULT_OPERATION),
        act,
        every: node.number("every")?.unwrap_or(1),
        path: node.text("path")?.map(str::to_owned),
        paging: node.flag("paging")?,
    })
}
