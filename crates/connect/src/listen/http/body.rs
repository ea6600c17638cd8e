//! The body of a request: read within its time and size, unpacked within its
//! size. Apart from what it means, because here a gzip bomb or a slow sender is
//! stopped.

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::listen::limits::ListenLimits;

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyProblem {
    /// As sent or unpacked it has more bytes than this.
    TooLarge { bytes_max: usize },
    /// It did not come in time.
    Timeout,
    /// All room for bodies is taken.
    Busy,
    /// An encoding that nobody unpacks here.
    Encoding(String),
    /// It is not packed as it says, or the connection broke.
    Broken,
}

/// The room that all bodies of a listener share. A sender that is slow holds
/// only what it has sent.
pub(super) struct Room {
    kib: Arc<Semaphore>,
    unpacking: Arc<Semaphore>,
}

impl Room {
    pub(super) fn new(limits: &ListenLimits) -> Self {
        Room {
            kib: Arc::new(Semaphore::new(limits.bodies_bytes_max / 1024)),
            unpacking: Arc::new(Semaphore::new(limits.unpacked_at_once)),
        }
    }
}

/// A body and the room it takes.
#[derive(Debug)]
pub(super) struct Held {
    pub bytes: Bytes,
    _places: Option<OwnedSemaphorePermit>,
    unpacking: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Clone, Copy)]
enum Packing {
    Gzip,
    Zlib,
}

/// Reads and unpacks a body.
pub(super) async fn read(
    body: Body,
    headers: &HeaderMap,
    limits: &ListenLimits,
    room: &Room,
) -> Result<Held, BodyProblem> {
    let packing = packing(headers)?;
    let bytes_max = limits.body_bytes_max;
    let stated = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if stated.is_some_and(|stated| stated > bytes_max as u64) {
        return Err(BodyProblem::TooLarge { bytes_max });
    }
    let mut held = tokio::time::timeout(limits.body_timeout, collect(body, bytes_max, room))
        .await
        .map_err(|_| BodyProblem::Timeout)??;
    let unpacked_max = limits.body_unpacked_bytes_max;
    if let Some(packing) = packing {
        held.unpacking = room.unpacking.clone().acquire_owned().await.ok();
        let packed = std::mem::take(&mut held.bytes);
        held.bytes = tokio::task::spawn_blocking(move || unpack(&packed, packing, unpacked_max))
            .await
            .unwrap_or(Err(BodyProblem::Broken))?;
    }
    Ok(held)
}

fn packing(headers: &HeaderMap) -> Result<Option<Packing>, BodyProblem> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
    match value.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Packing::Gzip)),
        "deflate" => Ok(Some(Packing::Zlib)),
        other => Err(BodyProblem::Encoding(other.chars().take(40).collect())),
    }
}

async fn collect(body: Body, bytes_max: usize, room: &Room) -> Result<Held, BodyProblem> {
    let mut places: Option<OwnedSemaphorePermit> = None;
    let mut stream = body.into_data_stream();
    let mut all = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| BodyProblem::Broken)?;
        if all.len() + piece.len() > bytes_max {
            return Err(BodyProblem::TooLarge { bytes_max });
        }
        let kib = u32::try_from(piece.len() / 1024 + 1).unwrap_or(u32::MAX);
        let place = Arc::clone(&room.kib).try_acquire_many_owned(kib).map_err(|_| BodyProblem::Busy)?;
        match &mut places {
            Some(places) => places.merge(place),
            None => places = Some(place),
        }
        all.extend_from_slice(&piece);
    }
    Ok(Held { bytes: all.freeze(), _places: places, unpacking: None })
}

fn unpack(packed: &[u8], packing: Packing, bytes_max: usize) -> Result<Bytes, BodyProblem> {
    let mut out = Vec::new();
    let limit = bytes_max as u64 + 1;
    let read = match packing {
        Packing::Gzip => MultiGzDecoder::new(packed).take(limit).read_to_end(&mut out),
        Packing::Zlib => ZlibDecoder::new(packed).take(limit).read_to_end(&mut out),
    };
    if out.len() > bytes_max {
        return Err(BodyProblem::TooLarge { bytes_max });
    }
    read.map_err(|_| BodyProblem::Broken)?;
    Ok(out.into())
}
