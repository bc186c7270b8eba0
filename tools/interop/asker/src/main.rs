// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the `ant-quic` program has no option for: ask a peer for ACK-v2 and for a probe.
//!
//! `asker HOST:PORT` dials, then prints one JSON line per step. The library does all the
//! talking; this only calls it.

use ant_quic::{P2pConfig, P2pEndpoint};
use std::net::SocketAddr;
use std::time::Duration;

fn report(step: &str, outcome: Result<String, String>) {
    let (ok, text) = match outcome {
        Ok(text) => (true, text),
        Err(text) => (false, text),
    };
    println!("{{\"step\":\"{step}\",\"ok\":{ok},\"text\":\"{}\"}}", text.replace('"', "'"));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target: SocketAddr = std::env::args().nth(1).ok_or("usage: asker HOST:PORT")?.parse()?;
    let config = P2pConfig::builder()
        .bind_addr("127.0.0.1:0".parse::<SocketAddr>()?)
        .port_mapping_enabled(false)
        .mdns_enabled(false)
        .build()?;
    let endpoint = P2pEndpoint::new(config).await?;
    let peer = endpoint.connect_addr(target).await?.peer_id;
    let limit = Duration::from_secs(5);
    // Before anything arrives from the peer: a probe is answered from memory after that.
    report("probe", match endpoint.probe_peer(&peer, limit).await {
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
            .send_with_receive_ack_with_request_id(&peer, [id; 16], payload, limit)
            .await;
        report(step, asked.map(|()| "accepted".into()).map_err(|error| error.to_string()));
    }
    endpoint.shutdown().await;
    Ok(())
}
