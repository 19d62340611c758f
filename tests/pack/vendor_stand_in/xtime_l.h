#ifndef XTIME_L_H
#define XTIME_L_H
#include "xaxidma.h"
typedef u64 XTime;
#define COUNTS_PER_SECOND 325000000
void XTime_GetTime(XTime *time);
#endif
