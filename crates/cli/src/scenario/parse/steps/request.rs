//! Requests whose callers do not wait for them, transactions, and threads that are attached elsewhere.

use crate::place::BadInput;
use crate::scenario::model::{Action, StartCopyChunk, StartWrite};
use crate::scenario::node::Node;
use crate::scenario::parse::Reader;
use crate::scenario::scope::{Life, Thing};
use crate::scenario::words;

impl Reader<'_> {
    /// A step of this kind; `None` if the node is no such step.
    pub(super) fn request_step(&mut self, node: &mut Node<'_, '_>) -> Result<Option<Action>, BadInput> {
        Ok(Some(match node.name() {
            "start-write" => Action::StartWrite(StartWrite {
                request: self.request(node)?,
                notice: node.word("notice", &words::NOTICES)?.unwrap_or(words::DEFAULT_NOTICE),
                write: self.write(node)?,
            }),
            "start-copy-chunk" => {
                let request = self.request(node)?;
                let ((from, to), offsets, length) = self.chunk(node)?;
                Action::StartCopyChunk(StartCopyChunk {
                    request,
                    thread: self.thread_property(node, Life::Needed)?,
                    from,
                    to,
                    from_offset: offsets.0,
                    to_offset: offsets.1,
                    length,
                })
            }
            "complete" => {
                let request = node.argument("a request")?.to_owned();
                self.scope.request(&request).map_err(|message| node.error(message))?;
                Action::Complete(request)
            }
            "begin-transaction" => {
                let transaction = node.argument("a name for the transaction")?.to_owned();
                self.scope.define(&transaction, Thing::Transaction).map_err(|message| node.error(message))?;
                Action::BeginTransaction(transaction)
            }
            "commit" | "roll-back" => {
                let transaction = node.argument("a transaction")?.to_owned();
                self.scope.transaction(&transaction).map_err(|message| node.error(message))?;
                self.scope.end_transaction(&transaction);
                Action::EndTransaction { transaction, commit: node.name() == "commit" }
            }
            "attach" => {
                let thread = self.thread_argument(node)?;
                let process = node.needed_text("process")?.to_owned();
                self.scope.process(&process).map_err(|message| node.error_at("process", message))?;
                self.scope.attach(&thread, &process);
                Action::Attach { thread, process }
            }
            "detach" => {
                let thread = self.thread_argument(node)?;
                self.scope.detach(&thread);
                Action::Detach(thread)
            }
            _ => return Ok(None),
        }))
    }

    /// The transaction under which something is opened.
    pub(super) fn transaction_property(&self, node: &mut Node<'_, '_>) -> Result<Option<String>, BadInput> {
        let Some(name) = node.text("transaction")?.map(str::to_owned) else {
            return Ok(None);
        };
        self.scope.transaction(&name).map_err(|message| node.error_at("transaction", message))?;
        Ok(Some(name))
    }

    /// The name that a request gets.
    fn request(&mut self, node: &mut Node<'_, '_>) -> Result<String, BadInput> {
        let request = node.needed_text("request")?.to_owned();
        self.scope.define(&request, Thing::Request).map_err(|message| node.error_at("request", message))?;
        Ok(request)
    }
}
