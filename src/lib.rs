//! whowrote
