// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the `ant-quic` program has no option for: ask a peer for ACK-v2 and for a probe, open
//! and accept streams, and send it messages as fast as it takes them.
//!
//! `asker HOST:PORT` dials, then prints one JSON line per step. `asker HOST:PORT streams` opens
//! an application stream and reads what comes back, then echoes one that it accepts. `asker HOST:PORT COUNT SIZE`
//! sends COUNT messages of SIZE bytes, waits for the end of its standard input (whoever reads the
//! messages knows when all are there), and prints one line. The library does all the talking.

use ant_quic::{P2pConfig, P2pEndpoint, PeerId};
use std::net::SocketAddr;
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

fn report(step: &str, outcome: Result<String, String>) {
    let (ok, text) = match outcome {
        Ok(text) => (true, text),
        Err(text) => (false, text),
    };
    println!("{{\"step\":\"{step}\",\"ok\":{ok},\"text\":\"{}\"}}", text.replace('"', "'"));
}

async fn ask(endpoint: &P2pEndpoint, peer: &PeerId) {
    let limit = Duration::from_secs(5);
    // Before anything arrives from the peer: a probe is answered from memory after that.
    report("probe", match endpoint.probe_peer(peer, limit).await {
        Ok(took) => Ok(format!("{} us", took.as_micros())),
        Err(error) => Err(error.to_string()),
    });
    for (step, id, payload) in [
        ("first", 1u8, &b"once"[..]),
        ("repeat", 1, b"once"),
        ("conflict", 1, b"other"),
        ("second", 2, b"twice"),
    ] {
        let asked = endpoint
            .send_with_receive_ack_with_request_id(peer, [id; 16], payload, limit)
            .await;
        report(step, asked.map(|()| "accepted".into()).map_err(|error| error.to_string()));
    }
}

async fn opened(endpoint: &P2pEndpoint, peer: &PeerId) -> Result<String, Failure> {
    let (mut send, mut recv) = endpoint.open_bi(peer).await?;
    send.write_all(b"there and back").await?;
    send.finish()?;
    Ok(String::from_utf8_lossy(&recv.read_to_end(1024).await?).into())
}

async fn echoed(endpoint: &P2pEndpoint) -> Result<String, Failure> {
    let (_, mut send, mut recv) = endpoint.accept_bi().await?;
    let bytes = recv.read_to_end(1 << 22).await?;
    send.write_all(&bytes).await?;
    send.finish()?;
    send.stopped().await?; // until all of it is acknowledged
    Ok(bytes.len().to_string())
}

async fn streams(endpoint: &P2pEndpoint, peer: &PeerId) {
    report("opened", opened(endpoint, peer).await.map_err(|error| error.to_string()));
    report("echoed", echoed(endpoint).await.map_err(|error| error.to_string()));
}

/// User plus system time of this process so far (proc(5), fields 14 and 15), in ticks.
fn ticks() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    Ok(fields.get(11).ok_or("no utime")?.parse::<u64>()?
        + fields.get(12).ok_or("no stime")?.parse::<u64>()?)
}

async fn bulk(endpoint: &P2pEndpoint, peer: &PeerId, count: usize, size: usize) -> Result<(), Failure> {
    let message = vec![0u8; size];
    let before = ticks()?;
    for _ in 0..count {
        endpoint.send(peer, &message).await?;
    }
    tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await??;
    println!("{{\"step\":\"bulk\",\"ok\":true,\"ticks\":{}}}", ticks()? - before);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let target: SocketAddr = arguments.first().ok_or("usage: asker HOST:PORT [streams | COUNT SIZE]")?.parse()?;
    let config = P2pConfig::builder()
        .bind_addr("127.0.0.1:0".parse::<SocketAddr>()?)
        .port_mapping_enabled(false)
        .mdns_enabled(false)
        .build()?;
    let endpoint = P2pEndpoint::new(config).await?;
    let peer = endpoint.connect_addr(target).await?.peer_id;
    match &arguments[1..] {
        [count, size] => bulk(&endpoint, &peer, count.parse()?, size.parse()?).await?,
        [_] => streams(&endpoint, &peer).await,
        _ => ask(&endpoint, &peer).await,
    }
    endpoint.shutdown().await;
    Ok(())
}
