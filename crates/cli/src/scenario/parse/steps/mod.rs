//! What happens.

mod handle;
mod memory;
mod request;

use super::values::{duration, signed, write_offset};
use super::{Reader, read_volume};
use crate::place::BadInput;
use crate::scenario::model::{Access, Action, Create, ServerOpen, Step, Write, WriteEnd};
use crate::scenario::node::Node;
use crate::scenario::scope::{Life, SYSTEM, Thing};
use crate::scenario::words;

/// Handles, offsets and length of a copied chunk.
type Chunk = ((String, String), (i64, i64), u32);

impl Reader<'_> {
    pub(super) fn step(&mut self, node: &mut Node<'_, '_>) -> Result<Step, BadInput> {
        let place = node.place();
        let first = match self.handle_step(node)? {
            Some(action) => Some(action),
            None => match self.memory_step(node)? {
                Some(action) => Some(action),
                None => self.request_step(node)?,
            },
        };
        if let Some(action) = first {
            node.done_without_children()?;
            return Ok(Step { place, ..Step::new(action) });
        }
        let action = match node.name() {
            "process" => return Ok(Step { place, ..Step::new(Action::StartProcess(self.process(node)?)) }),
            "thread" => {
                let process = node.needed_text("process")?.to_owned();
                self.scope.process(&process).map_err(|message| node.error_at("process", message))?;
                Action::StartThread { thread: self.thread(node, &process)?, process }
            }
            "exit-process" => {
                let name = node.argument("a process")?.to_owned();
                self.scope.process(&name).map_err(|message| node.error(message))?;
                not_system(node, &name)?;
                self.scope.exit_process(&name);
                Action::ExitProcess(name)
            }
            "exit-thread" => {
                let name = node.argument("a thread")?.to_owned();
                self.scope.thread(&name, Life::Needed).map_err(|message| node.error(message))?;
                not_system(node, &name)?;
                self.scope.exit_thread(&name);
                Action::ExitThread(name)
            }
            "create" => Action::Create(self.create(node)?),
            "write" => Action::Write(self.write(node)?),
            "read" => Action::Read {
                handle: self.handle_argument(node)?,
                thread: self.thread_property(node, Life::Needed)?,
                offset: node
                    .needed_number::<u64>("offset")
                    .and_then(|offset| signed(node, "offset", offset))?,
                length: node.needed_number("length")?,
            },
            "close" => {
                let handle = self.handle_argument(node)?;
                self.scope.close(&handle);
                Action::Close { handle, thread: self.thread_property(node, Life::Needed)? }
            }
            "impersonate" => {
                let thread = self.thread_argument(node)?;
                let client = node.needed_text("client")?.to_owned();
                self.scope.process(&client).map_err(|message| node.error_at("client", message))?;
                Action::Impersonate { thread, client }
            }
            "revert" => Action::Revert(self.thread_argument(node)?),
            "copy-file" => self.copy_file(node)?,
            "copy-chunk" => self.copy_chunk(node)?,
            "advance" => {
                let text = node.argument("a time such as \"100ms\"")?;
                Action::Advance(duration(text).ok_or_else(|| {
                    node.error(format!(
                        "`{text}` is no span of time; write a whole number and us, ms, s or m"
                    ))
                })?)
            }
            "settle" => Action::Settle,
            "load" => Action::Load,
            "unload" => Action::Unload,
            "volume" => return Ok(Step { place, ..Step::new(Action::AddVolume(read_volume(node)?)) }),
            "consumer" => {
                let word = node.argument("a manner")?.to_owned();
                let manner = words::MANNERS.iter().find(|(known, _)| *known == word);
                Action::Consumer(manner.map(|(_, manner)| *manner).ok_or_else(|| {
                    node.error(format!("`{word}` is no manner; use good, silent, confused or deaf"))
                })?)
            }
            "connect" => Action::Connect,
            "disconnect" => Action::Disconnect,
            other => {
                return Err(node.error(format!(
                    "`{other}` cannot be played; the steps are listed in docs/scenarios.md"
                )));
            }
        };
        node.done_without_children()?;
        Ok(Step { place, ..Step::new(action) })
    }

    fn create(&mut self, node: &mut Node<'_, '_>) -> Result<Create, BadInput> {
        let handle = node.argument("a name for the handle")?.to_owned();
        let thread = self.thread_property(node, Life::Needed)?;
        let thing = Thing::Handle { process: self.scope.acts_in(&thread) };
        self.scope.define(&handle, thing).map_err(|message| node.error(message))?;
        let mut access = Access::default();
        for word in node.text("access")?.unwrap_or("read write").split_whitespace() {
            match word {
                "read" => access.read = true,
                "write" => access.write = true,
                "append" => access.append = true,
                "delete" => access.delete = true,
                other => {
                    let message = format!("`{other}` is no access; use read, write, append or delete");
                    return Err(node.error_at("access", message));
                }
            }
        }
        let default = Create::new(&thread, &handle, node.needed_text("path")?);
        Ok(Create {
            access,
            disposition: node.word("disposition", &words::DISPOSITIONS)?.unwrap_or(default.disposition),
            copy: node.word("copy", &words::COPY_INTENTS)?,
            kernel_mode: node.word("mode", &words::MODES)?.unwrap_or(default.kernel_mode),
            non_cached: node.flag("non-cached")?,
            write_through: node.flag("write-through")?,
            delete_on_close: node.flag("delete-on-close")?,
            asynchronous: node.flag("asynchronous")?,
            server_open: read_server_open(node)?,
            transaction: self.transaction_property(node)?,
            ..default
        })
    }

    fn write(&mut self, node: &mut Node<'_, '_>) -> Result<Write, BadInput> {
        let handle = self.handle_argument(node)?;
        let executor = node.text("executor")?.map(str::to_owned);
        if let Some(executor) = &executor {
            self.scope
                .thread(executor, Life::Needed)
                .map_err(|message| node.error_at("executor", message))?;
        }
        // Carried out by another thread, a write may outlive the one that asked for it.
        let life = if executor.is_some() { Life::NotNeeded } else { Life::Needed };
        let thread = self.thread_property(node, life)?;
        let requestor = node.text("requestor")?.map(str::to_owned);
        if let Some(requestor) = &requestor {
            self.scope.process(requestor).map_err(|message| node.error_at("requestor", message))?;
        }
        let no_thread = node.is_null("data-thread");
        if no_thread {
            node.text_or_null("data-thread")?;
        }
        let paging = node.flag("paging")?;
        let synchronous_paging = node.flag("synchronous-paging")?;
        let (offset, length) = (write_offset(node)?, node.needed_number("length")?);
        let default = Write::new(&thread, &handle, offset, length);
        Ok(Write {
            non_cached: node.flag("non-cached")?,
            write_through: node.flag("write-through")?,
            paging: paging || synchronous_paging,
            synchronous_paging,
            fast_io: node.word("fast-io", &words::FAST_IO)?.unwrap_or(default.fast_io),
            kernel_mode: node.word("mode", &words::MODES)?.unwrap_or(paging || synchronous_paging),
            executor,
            no_thread,
            requestor,
            generated: node.flag("generated")?,
            reissued: node.flag("reissued")?,
            end: write_end(node, length)?,
            ..default
        })
    }

    fn copy_file(&self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        let chunk = node.number("chunk")?.unwrap_or(words::CHUNK);
        if chunk == 0 {
            return Err(node.error_at("chunk", "a chunk has at least 1 byte"));
        }
        Ok(Action::CopyFile {
            thread: self.thread_property(node, Life::Needed)?,
            from: node.needed_text("from")?.to_owned(),
            to: node.needed_text("to")?.to_owned(),
            size: node.needed_number("size")?,
            chunk,
        })
    }

    fn copy_chunk(&self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        let ((from, to), (from_offset, to_offset), length) = self.chunk(node)?;
        let thread = self.thread_property(node, Life::Needed)?;
        Ok(Action::CopyChunk { thread, from, to, from_offset, to_offset, length })
    }

    /// From and to, handles and offsets, and how many bytes.
    fn chunk(&self, node: &mut Node<'_, '_>) -> Result<Chunk, BadInput> {
        let handles = (self.handle_property(node, "from")?, self.handle_property(node, "to")?);
        let mut offset = |property: &str| {
            let offset = node.number::<u64>(property)?.unwrap_or(0);
            signed(node, property, offset)
        };
        let offsets = (offset("from-offset")?, offset("to-offset")?);
        Ok((handles, offsets, node.needed_number("length")?))
    }

    fn handle_argument(&self, node: &mut Node<'_, '_>) -> Result<String, BadInput> {
        let name = node.argument("a handle")?.to_owned();
        self.scope.handle(&name).map_err(|message| node.error(message))?;
        Ok(name)
    }

    pub(super) fn thread_argument(&self, node: &mut Node<'_, '_>) -> Result<String, BadInput> {
        let name = node.argument("a thread")?.to_owned();
        self.scope.thread(&name, Life::Needed).map_err(|message| node.error(message))?;
        Ok(name)
    }

    fn thread_property(&self, node: &mut Node<'_, '_>, life: Life) -> Result<String, BadInput> {
        let name = node.needed_text("thread")?.to_owned();
        self.scope.thread(&name, life).map_err(|message| node.error_at("thread", message))?;
        Ok(name)
    }
}

/// What becomes of a write of so many bytes.
fn write_end(node: &mut Node<'_, '_>, length: u32) -> Result<WriteEnd, BadInput> {
    match (node.word("fails", &words::FAILURES)?, node.number("written")?) {
        (None, None) => Ok(WriteEnd::Model),
        (Some(why), None) => Ok(WriteEnd::Fails(why)),
        (None, Some(bytes)) if bytes < length => Ok(WriteEnd::Partly(bytes)),
        (None, Some(_)) => Err(node.error_at("written", "it must be less than `length`")),
        (Some(_), Some(_)) => Err(node.error_at("written", "a write that fails writes nothing")),
    }
}

/// What the SMB server says of its client, or a program in its place.
fn read_server_open(node: &mut Node<'_, '_>) -> Result<Option<ServerOpen>, BadInput> {
    let Some(client) = node.text("client")?.map(str::to_owned) else {
        return Ok(None);
    };
    let client = client
        .parse()
        .map_err(|_| node.error_at("client", format!("`{client}` is no IP address such as 192.0.2.7")))?;
    let share = node.needed_text("share")?.to_owned();
    Ok(Some(ServerOpen { client, share, forged: node.flag("forged")? }))
}

fn not_system(node: &Node<'_, '_>, name: &str) -> Result<(), BadInput> {
    if name == SYSTEM { Err(node.error("System does not end")) } else { Ok(()) }
}
