/* SPDX-License-Identifier: Apache-2.0 */

/* The files of a set. What may stand in each is in shapes_routes.c, shapes_tools.c, shapes_modes.c,
 * shapes_drills.c, shapes_releases.c, shapes_desk.c, shapes_channel.c, shapes_identity.c,
 * shapes_guards.c and shapes_content.c: one table per file. A new file is a row here.
 */

#include "core/policy/shapes.h"

const struct baton_shape_file baton_shape_files[BATON_SHAPES_N] = {
	[BATON_SHAPE_MODULES] = { "modules.yaml", NULL, true, &baton_shape_modules },
	[BATON_SHAPE_TARGETS] = { "targets.yaml", NULL, true, &baton_shape_targets },
	[BATON_SHAPE_ROUTES] = { "routes.yaml", NULL, true, &baton_shape_routes },
	[BATON_SHAPE_CLASSES] = { "classes.yaml", NULL, true, &baton_shape_classes },
	[BATON_SHAPE_ESCALATION] = { "escalation.yaml", NULL, false, &baton_shape_escalation },
	[BATON_SHAPE_DESK] = { "desk.yaml", NULL, true, &baton_shape_desk },
	[BATON_SHAPE_CHANNEL] = { "channel.yaml", NULL, false, &baton_shape_channel },
	[BATON_SHAPE_IDENTITY] = { "identity.yaml", NULL, false, &baton_shape_identity },
	[BATON_SHAPE_TOOLS] = { "tools.yaml", NULL, false, &baton_shape_tools },
	[BATON_SHAPE_MODES] = { "modes.yaml", NULL, false, &baton_shape_modes },
	[BATON_SHAPE_BUDGETS] = { "budgets.yaml", NULL, false, &baton_shape_budgets },
	[BATON_SHAPE_ALERTS] = { "alerts.yaml", NULL, false, &baton_shape_alerts },
	[BATON_SHAPE_RELEASES] = { "releases.yaml", NULL, false, &baton_shape_releases },
	[BATON_SHAPE_GUARDS] = { "guards.yaml", NULL, false, &baton_shape_guards },
	[BATON_SHAPE_DRILLS] = { "drills", ".yaml", false, &baton_shape_drills },
	[BATON_SHAPE_INTENTS] = { "intents", ".yaml", false, &baton_shape_intents },
	[BATON_SHAPE_KNOWLEDGE] = { "knowledge", ".md", false, &baton_shape_article },
	[BATON_SHAPE_PROMPTS] = { "prompts", ".md", false, NULL },
};
