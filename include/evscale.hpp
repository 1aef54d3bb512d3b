/* evscale for C++17: move-only handles, std::chrono and views over evscale.h.
 *
 * evscale::Autoscaler owns the state of one pool, evscale::Fleet that of many; a pool of a fleet has the same calls. Either may
 * move between threads; a call that comes while another one runs fails with EVSCALE_BUSY and does nothing.
 *
 * Failures are thrown as evscale::Error with the status of evscale.h. What runs at every record, and what makes a handle, also
 * comes as a try_... that returns an evscale::Result and throws nothing; without exceptions (-fno-exceptions) use these, because
 * the others end the process. A record that is late or broken is no failure: what became of it is in the Observation.
 */

#ifndef EVSCALE_HPP
#define EVSCALE_HPP

#include <evscale/autoscaler.hpp>
#include <evscale/basics.hpp>
#include <evscale/fleet.hpp>
#include <evscale/meter.hpp>
#include <evscale/models.hpp>
#include <evscale/pool.hpp>
#include <evscale/values.hpp>

#endif /* EVSCALE_HPP */
