//! The capture's bytes: a file, compressed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::place::{BadInput, Place};

/// First bytes of a gzip file.
const GZIP: &[u8] = &[0x1F, 0x8B];
/// The UTF-8 byte-order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Size of the buffers for reading.
const BUFFER: usize = 1 << 18;

/// Text of a capture, with the byte-order mark taken off.
pub(crate) type Source = Box<dyn BufRead>;

/// How far reading a file has come, in bytes of the file.
pub(crate) struct Counted<R> {
    inner: R,
    advance: Box<dyn FnMut(u64)>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        (self.advance)(count as u64);
        Ok(count)
    }
}

/// Opens a capture; `advance` is told how many bytes of the file were read.
pub(crate) fn open(path: &Path, advance: Box<dyn FnMut(u64)>) -> Result<Source, BadInput> {
    let name = path.display().to_string();
    let unreadable = |error: io::Error| BadInput::new(&name, format!("the capture cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mut file = BufReader::with_capacity(BUFFER, Counted { inner: file, advance });
    let begin = file.fill_buf().map_err(unreadable)?;
    let mut text: Source = if begin.starts_with(GZIP) {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    let at_start = |message: String| BadInput::new(&name, message).at(Place::START);
    let begin = text.fill_buf().map_err(|error| at_start(damaged(&error)))?;
    if begin.starts_with(b"\xFF\xFE") || begin.starts_with(b"\xFE\xFF") {
        return Err(at_start(
            "UTF-16 text; Process Monitor writes UTF-8, so save the capture as that".to_owned(),
        ));
    }
    if begin.starts_with(b"PML_") {
        return Err(at_start("Process Monitor's own format".to_owned())
            .help("open it in Process Monitor and save it as CSV (File > Save)"));
    }
    if begin.starts_with(BYTE_ORDER_MARK) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

/// Says what an error of the decompressor or the disk means for the capture.
pub(crate) fn damaged(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the capture is cut short: the compressed file ends here".to_owned(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            format!("the capture is damaged: {error}")
        }
        _ => format!("the capture cannot be read on: {error}"),
    }
}
