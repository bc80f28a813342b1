/** The Linux errnos that the link itself answers with (asm-generic/errno.h). */
export const EIO = 5;
export const E2BIG = 7;
export const EAGAIN = 11;
export const EPROTO = 71;
export const ENOTCONN = 107;
export const ECANCELED = 125;
/** The kernel's MAX_ERRNO: what an error frame may carry at most. */
export const MAX_ERRNO = 4095;
