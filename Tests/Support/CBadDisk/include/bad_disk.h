// Preloaded into a program, it makes a part of some files unreadable, as a bad sector does.
//
// BAD_DISK="decisions-:8192:12288": of files whose path holds "decisions-", the bytes from 8192 on
// and below 12288 cannot be read (EIO); what is before and behind them can.
