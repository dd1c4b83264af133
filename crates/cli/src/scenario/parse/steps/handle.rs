//! What is done with a handle, beyond reading and writing.

use crate::place::BadInput;
use crate::scenario::model::{Action, BlockClone, HandleAction, OffloadRead, OffloadWrite, Share};
use crate::scenario::node::Node;
use crate::scenario::parse::Reader;
use crate::scenario::scope::{Life, Thing};

impl Reader<'_> {
    /// A step that a thread does with a handle; `None` if the node is no such step.
    pub(super) fn handle_step(&mut self, node: &mut Node<'_, '_>) -> Result<Option<Action>, BadInput> {
        let range =
            |node: &mut Node<'_, '_>| Ok((node.needed_number("offset")?, node.needed_number("length")?));
        let size = |node: &mut Node<'_, '_>| node.needed_number("size");
        let path = |node: &mut Node<'_, '_>| node.needed_text("to").map(str::to_owned);
        let what = match node.name() {
            "rename" => HandleAction::Rename(path(node)?),
            "link" => HandleAction::Link(path(node)?),
            "set-end-of-file" => HandleAction::EndOfFile(size(node)?),
            "set-allocation" => HandleAction::Allocation(size(node)?),
            "set-valid-data" => HandleAction::ValidData(size(node)?),
            "set-basic" => HandleAction::Basic,
            "delete" => HandleAction::Delete { posix: node.flag("posix")? },
            "undelete" => HandleAction::Undelete,
            "zero" => range(node).map(|(offset, length)| HandleAction::Zero { offset, length })?,
            "flush" => HandleAction::Flush,
            "query" => HandleAction::Query,
            "query-directory" => HandleAction::QueryDirectory,
            "lock" => range(node).map(|(offset, length)| HandleAction::Lock { offset, length })?,
            "unlock" => range(node).map(|(offset, length)| HandleAction::Unlock { offset, length })?,
            "dismount" => HandleAction::Dismount,
            "control" => HandleAction::Control(node.needed_number("code")?),
            "clone" => return self.clone_step(node).map(Some),
            "offload-read" => return self.offload_read(node).map(Some),
            "offload-write" => return self.offload_write(node).map(Some),
            "duplicate" => {
                let thread = self.thread_property(node, Life::Needed)?;
                return self.share(node, Some(thread)).map(Some);
            }
            "inherit" => return self.share(node, None).map(Some),
            _ => return Ok(None),
        };
        let handle = self.handle_argument(node)?;
        Ok(Some(Action::OnHandle { thread: self.thread_property(node, Life::Needed)?, handle, what }))
    }

    fn clone_step(&self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        Ok(Action::Clone(BlockClone {
            thread: self.thread_property(node, Life::Needed)?,
            from: self.handle_property(node, "from")?,
            to: self.handle_property(node, "to")?,
            from_offset: node.number("from-offset")?.unwrap_or(0),
            to_offset: node.number("to-offset")?.unwrap_or(0),
            length: node.needed_number("length")?,
            extended: node.flag("extended")?,
        }))
    }

    fn offload_read(&mut self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        let token = node.argument("a name for the token")?.to_owned();
        self.scope.define(&token, Thing::Token).map_err(|message| node.error(message))?;
        Ok(Action::OffloadRead(OffloadRead {
            token,
            thread: self.thread_property(node, Life::Needed)?,
            handle: self.handle_property(node, "from")?,
            offset: node.number("offset")?.unwrap_or(0),
            length: node.needed_number("length")?,
        }))
    }

    fn offload_write(&mut self, node: &mut Node<'_, '_>) -> Result<Action, BadInput> {
        let token = node.argument("a token")?.to_owned();
        self.scope.token(&token).map_err(|message| node.error(message))?;
        Ok(Action::OffloadWrite(OffloadWrite {
            token,
            thread: self.thread_property(node, Life::Needed)?,
            handle: self.handle_property(node, "to")?,
            token_offset: node.number("token-offset")?.unwrap_or(0),
            offset: node.number("offset")?.unwrap_or(0),
            length: node.needed_number("length")?,
        }))
    }

    fn share(&mut self, node: &mut Node<'_, '_>, thread: Option<String>) -> Result<Action, BadInput> {
        let handle = node.argument("a name for the handle")?.to_owned();
        let from = self.handle_property(node, "from")?;
        let process = node.needed_text("process")?.to_owned();
        self.scope.process(&process).map_err(|message| node.error_at("process", message))?;
        let thing = Thing::Handle { process: process.clone() };
        self.scope.define(&handle, thing).map_err(|message| node.error(message))?;
        Ok(Action::Share(Share { thread, from, handle, process }))
    }

    /// A property that names a handle.
    pub(super) fn handle_property(
        &self,
        node: &mut Node<'_, '_>,
        property: &str,
    ) -> Result<String, BadInput> {
        let name = node.needed_text(property)?.to_owned();
        self.scope.handle(&name).map_err(|message| node.error_at(property, message))?;
        Ok(name)
    }
}
