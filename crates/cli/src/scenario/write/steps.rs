//! What happens.

use super::text::Node;
use super::{handle, memory, offset, process, thread, volume};
use crate::scenario::model::{
    Access, Action, Create, ServerOpen, StartCopyChunk, StartWrite, Write, WriteEnd,
};
use crate::scenario::words::{self, word};

/// The node that a step reads from.
pub(super) fn node(action: &Action) -> Node {
    match action {
        Action::StartProcess(started) => process(started),
        Action::StartThread { process, thread: started } => thread(started).text("process", process),
        Action::ExitProcess(name) => Node::new("exit-process").argument(name),
        Action::ExitThread(name) => Node::new("exit-thread").argument(name),
        Action::Create(create) => create_node(create),
        Action::Write(write) => write_node("write", write),
        Action::StartWrite(StartWrite { request, notice, write }) => write_node("start-write", write)
            .text("request", request)
            .text("notice", word(&words::NOTICES, notice)),
        Action::StartCopyChunk(start) => start_copy_chunk(start),
        Action::Complete(request) => Node::new("complete").argument(request),
        Action::Read { thread, handle, offset, length } => {
            on_handle("read", handle, thread).number("offset", offset).number("length", length)
        }
        Action::Close { thread, handle } => on_handle("close", handle, thread),
        Action::CopyFile { thread, from, to, size, chunk } => Node::new("copy-file")
            .text("thread", thread)
            .text("from", from)
            .text("to", to)
            .number("size", size)
            .number("chunk", chunk),
        Action::CopyChunk { thread, from, to, from_offset, to_offset, length } => Node::new("copy-chunk")
            .text("thread", thread)
            .text("from", from)
            .text("to", to)
            .number("from-offset", from_offset)
            .number("to-offset", to_offset)
            .number("length", length),
        Action::OnHandle { thread, handle, what } => handle::node(thread, handle, what),
        Action::Clone(clone) => handle::clone(clone),
        Action::OffloadRead(read) => handle::offload_read(read),
        Action::OffloadWrite(write) => handle::offload_write(write),
        Action::Share(share) => handle::share(share),
        Action::Memory(step) => memory::node(step),
        Action::Filter(filter) => memory::filter(filter),
        Action::ReleaseHeld => Node::new("release-held"),
        Action::BeginTransaction(name) => Node::new("begin-transaction").argument(name),
        Action::EndTransaction { transaction, commit } => {
            Node::new(if *commit { "commit" } else { "roll-back" }).argument(transaction)
        }
        Action::Attach { thread, process } => Node::new("attach").argument(thread).text("process", process),
        Action::Detach(thread) => Node::new("detach").argument(thread),
        Action::Impersonate { thread, client } => {
            Node::new("impersonate").argument(thread).text("client", client)
        }
        Action::Revert(thread) => Node::new("revert").argument(thread),
        Action::Advance(microseconds) => Node::new("advance").argument(&duration(*microseconds)),
        Action::Settle => Node::new("settle"),
        Action::Connect => Node::new("connect"),
        Action::Disconnect => Node::new("disconnect"),
        Action::Load => Node::new("load"),
        Action::Unload => Node::new("unload"),
        Action::AddVolume(mounted) => volume(mounted),
        Action::Consumer(manner) => Node::new("consumer").argument(word(&words::MANNERS, manner)),
    }
}

fn start_copy_chunk(start: &StartCopyChunk) -> Node {
    let StartCopyChunk { request, thread, from, to, from_offset, to_offset, length } = start;
    Node::new("start-copy-chunk")
        .text("request", request)
        .text("thread", thread)
        .text("from", from)
        .text("to", to)
        .number("from-offset", from_offset)
        .number("to-offset", to_offset)
        .number("length", length)
}

/// What a thread does with a handle.
fn on_handle(name: &str, handle: &str, thread: &str) -> Node {
    Node::new(name).argument(handle).text("thread", thread)
}

/// In the largest unit that leaves no rest.
fn duration(microseconds: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| microseconds.is_multiple_of(*factor);
    let (unit, factor) = words::UNITS.iter().rev().find(fits).unwrap_or(&words::UNITS[0]);
    format!("{}{unit}", microseconds / factor)
}

fn create_node(create: &Create) -> Node {
    let Create {
        thread,
        handle,
        path,
        access: Access { read, write, append, delete },
        disposition,
        copy,
        kernel_mode,
        non_cached,
        write_through,
        delete_on_close,
        asynchronous,
        server_open,
        transaction,
    } = create;
    let access: Vec<&str> = [(*read, "read"), (*write, "write"), (*append, "append"), (*delete, "delete")]
        .into_iter()
        .filter_map(|(has, word)| has.then_some(word))
        .collect();
    let node = on_handle("create", handle, thread)
        .text("path", path)
        .text("access", &access.join(" "))
        .text("disposition", word(&words::DISPOSITIONS, disposition))
        .maybe_text("copy", copy.map(|copy| word(&words::COPY_INTENTS, &copy)))
        .text("mode", word(&words::MODES, kernel_mode))
        .flag("non-cached", *non_cached)
        .flag("write-through", *write_through)
        .flag("delete-on-close", *delete_on_close)
        .flag("asynchronous", *asynchronous)
        .maybe_text("transaction", transaction.as_deref());
    match server_open {
        None => node,
        Some(ServerOpen { client, share, forged }) => {
            node.text("client", &client.to_string()).text("share", share).flag("forged", *forged)
        }
    }
}

fn write_node(name: &str, write: &Write) -> Node {
    let Write {
        thread,
        handle,
        offset: at,
        length,
        non_cached,
        write_through,
        paging,
        synchronous_paging,
        fast_io,
        kernel_mode,
        executor,
        no_thread,
        requestor,
        generated,
        reissued,
        end,
    } = write;
    let (fails, written) = match end {
        WriteEnd::Model => (None, None),
        WriteEnd::Partly(bytes) => (None, Some(bytes)),
        WriteEnd::Fails(why) => (Some(why), None),
    };
    let node = offset(on_handle(name, handle, thread), *at)
        .number("length", length)
        .flag("non-cached", *non_cached)
        .flag("write-through", *write_through)
        .flag("paging", *paging)
        .flag("synchronous-paging", *synchronous_paging)
        .text("fast-io", word(&words::FAST_IO, fast_io))
        .text("mode", word(&words::MODES, kernel_mode))
        .maybe_text("executor", executor.as_deref())
        .maybe_text("requestor", requestor.as_deref())
        .flag("generated", *generated)
        .flag("reissued", *reissued)
        .maybe_text("fails", fails.map(|why| word(&words::FAILURES, why)));
    let node = match written {
        Some(bytes) => node.number("written", bytes),
        None => node,
    };
    if *no_thread { node.null("data-thread") } else { node }
}
