//! fltmgr
#![no_std]
