// How the kernel's scheduler treats this process and its threads.
#pragma once

#include "base/status.h"
#include "base/units.h"

namespace flexai::os {

// The nice value of this process; a lower one runs before others. Setting a lower one needs root, and is
// otherwise left undone.
int Niceness();
void SetNiceness(int value);

// The kernel's own limit.
inline constexpr Nanos kShortestTimeSlice = Micros(100);

// Asks for short turns of the calling thread: it gets no more time than others, but gets it sooner after it
// woke up, where others compute on the same core (EEVDF: a shorter slice is an earlier deadline). Its new
// threads and children begin with the default. Needs no rights; a kernel before 6.12 takes it and does
// nothing.
Status SetTimeSlice(Nanos slice);
// Of the calling thread; 0 where the kernel does not say.
Nanos TimeSlice();

}  // namespace flexai::os
