/* SPDX-License-Identifier: MIT */
#ifndef RT_STDFDS_H
#define RT_STDFDS_H

/**
 * See that descriptors 0, 1 and 2 are taken, before anything else is opened: whoever started this program
 * may have closed them, and the next socket or file would get such a number, and what is meant for a
 * terminal. Those that were closed cannot be written to, so that a tool notices that its output is lost.
 */
void stdfds_take(void);

#endif
