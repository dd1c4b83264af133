//! whowrote-cli
