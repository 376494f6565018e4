/**
 * Words that questions are made of. They occur on every page and distinguish none, so search neither indexes nor
 * queries them: "how to cook pasta" is about cooking and pasta, which no page covers. A name may contain them ("out of
 * memory", "why is decode slow"), because search compares whole names. Words that have a meaning in this field are not
 * in the list: first, per, full, fit, slow, split.
 */
const english = `
a about actually after again all also am an and any anyone are aren as at be because been before being best better between both
but by can cannot come could did difference different do does doesn doing don down each else etc even ever every explain
explained few find for from get gets getting give gives good got great had happen happens has have having he help her here hers him
his how i if in into is isn it its just know let like ll make makes many may me mean meaning means might mine more most much must my
need needed needs no nor not of off on only or other our ours ourselves please re really run running s same shall she should show so some
someone something such t tell than thanks that the their them then there these they thing things this those to too up us use used
uses using ve versus very vs want was way ways we were what when where whether which while who whom whose why will wish with without
won work works would you your yours`;

export const stopWords: ReadonlySet<string> = new Set(english.split(/\s+/).filter((word) => word !== ''));
