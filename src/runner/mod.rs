//! The only place with tokio, sockets and clocks. It carries bytes between a peer and a target and writes down what was said; it never judges.
