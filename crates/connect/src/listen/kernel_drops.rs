//! Datagrams that the operating system dropped because nobody read them in time,
//! as Linux counts them for each socket in `/proc/net/udp`. A file of its own
//! because it is the only place that reads it.

use std::os::fd::AsFd;

/// Place of the inode among the columns of the table.
const INODE_COLUMN: usize = 9;

/// Drops of this socket since it was opened; `None` where the system does not
/// say.
pub(super) fn dropped(socket: impl AsFd) -> Option<u64> {
    let inode = rustix::fs::fstat(socket).ok()?.st_ino;
    ["/proc/net/udp", "/proc/net/udp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| dropped_in(&table, inode))
}

fn dropped_in(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let found: u64 = columns.nth(INODE_COLUMN)?.parse().ok()?;
        (found == inode).then(|| columns.next_back()?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_by_inode() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
             305: 00000000:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 17\n \
             306: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0\n";
        assert_eq!(dropped_in(table, 4711), Some(17));
        assert_eq!(dropped_in(table, 4712), Some(0));
        assert_eq!(dropped_in(table, 1), None);
    }

    #[test]
    fn real_drops_are_seen() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("a small buffer");
        let address = socket.local_addr().expect("an address");
        let Some(before) = dropped(&socket) else {
            eprintln!("skipped: this system has no /proc/net/udp");
            return;
        };
        assert_eq!(before, 0);
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
        for _ in 0..500 {
            sender.send_to(&[b'x'; 1000], address).expect("sends");
        }
        assert!(dropped(&socket).expect("still there") > 400);
    }
}
