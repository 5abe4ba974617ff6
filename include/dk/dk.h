/* SPDX-License-Identifier: MIT
 *
 * Umbrella of the engine's public API.
 */
#ifndef DK_DK_H
#define DK_DK_H

#include "dk/base.h"
#include "dk/broker.h"
#include "dk/consumer.h"
#include "dk/forward.h"
#include "dk/kafka.h"
#include "dk/producer.h"
#include "dk/route.h"
#include "dk/tokens.h"
#include "dk/topics.h"

#endif
