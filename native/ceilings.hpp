// The machine's own ceilings, as a micro-benchmark reaches them; one table per instruction set.
#pragma once

namespace methexis {}
