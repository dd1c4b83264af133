//! fltmgr
