//! A TCP line that can be bad: slow, torn into small pieces, cut, half open, reset. Seeded, so a failure can be shown
//! again. Stands between a node and its hub.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How the line behaves.
#[derive(Debug, Clone)]
pub struct Weather {
    /// Every piece waits this long.
    pub latency: Duration,
    /// Pieces are at most this long, in bytes; their real length is drawn.
    pub pieces_max: usize,
    /// One piece in so many resets its connection; 0: none.
    pub reset_one_in: u64,
    /// Where the draws begin.
    pub seed: u64,
}

impl Weather {
    /// A line that does nothing.
    pub fn fair(seed: u64) -> Self {
        Self { latency: Duration::ZERO, pieces_max: 64 * 1024, reset_one_in: 0, seed }
    }

    /// A line on which nothing goes right for long.
    pub fn foul(seed: u64) -> Self {
        Self { latency: Duration::from_millis(1), pieces_max: 700, reset_one_in: 40, seed }
    }
}

/// The state of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Open,
    /// Bytes are taken and go nowhere; nobody is told.
    HalfOpen,
    /// Connections are closed, and new ones refused.
    Cut,
}

/// A running proxy.
pub struct LossyProxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    _accepting: JoinSet<()>,
}

impl LossyProxy {
    /// Stands before `target` on a free port of loopback.
    pub async fn start(target: SocketAddr, weather: Weather) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (line, watching) = watch::channel(Line::Open);
        let mut accepting = JoinSet::new();
        let draws = Draws(Arc::new(AtomicU64::new(weather.seed)));
        accepting.spawn(accept(listener, target, weather, draws, watching));
        Ok(Self { address, line, _accepting: accepting })
    }

    /// Where to connect instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and refuses new ones.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Swallows every byte from now on and tells nobody: a firewall that dropped its state.
    pub fn half_open(&self) {
        self.line.send_replace(Line::HalfOpen);
    }

    /// Works again. Connections that were half open are closed.
    pub fn restore(&self) {
        self.line.send_replace(Line::Open);
    }
}

#[derive(Clone)]
struct Draws(Arc<AtomicU64>);

impl Draws {
    fn draw(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    weather: Weather,
    draws: Draws,
    line: watch::Receiver<Line>,
) {
    let mut pairs = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        while pairs.try_join_next().is_some() {}
        if *line.borrow() == Line::Cut {
            continue;
        }
        let Ok(far) = TcpStream::connect(target).await else { continue };
        pairs.spawn(carry(near, far, weather.clone(), draws.clone(), line.clone()));
    }
}

async fn carry(near: TcpStream, far: TcpStream, weather: Weather, draws: Draws, mut line: watch::Receiver<Line>) {
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let born = *line.borrow_and_update();
    let out = one_way(near_read, far_write, &weather, &draws, line.clone());
    let back = one_way(far_read, near_write, &weather, &draws, line.clone());
    tokio::select! {
        // an orderly end in one direction leaves the other open
        _ = async { tokio::join!(out, back) } => {}
        _ = ended(&mut line, born) => {}
    }
}

/// Resolves when a connection of this line must close: the line is cut, or restored after being half open.
async fn ended(line: &mut watch::Receiver<Line>, born: Line) {
    let mut was = born;
    loop {
        if line.changed().await.is_err() {
            return;
        }
        let now = *line.borrow_and_update();
        if now == Line::Cut || (was == Line::HalfOpen && now == Line::Open) {
            return;
        }
        was = now;
    }
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    weather: &Weather,
    draws: &Draws,
    line: watch::Receiver<Line>,
) {
    let mut piece = vec![0_u8; weather.pieces_max.max(1)];
    loop {
        let length = 1 + usize::try_from(draws.draw() % piece.len() as u64).unwrap_or(0);
        let taken = match from.read(&mut piece[..length]).await {
            Ok(0) | Err(_) => break,
            Ok(taken) => taken,
        };
        if weather.reset_one_in > 0 && draws.draw().is_multiple_of(weather.reset_one_in) {
            // the peer sees a reset, not an orderly end
            let _ = to.as_ref().set_zero_linger();
            return;
        }
        if !weather.latency.is_zero() {
            tokio::time::sleep(weather.latency).await;
        }
        if *line.borrow() == Line::HalfOpen {
            continue;
        }
        if to.write_all(&piece[..taken]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
