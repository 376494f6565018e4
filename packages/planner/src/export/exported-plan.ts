/** The input of an export: a planned deployment, its replicas, and the load that the replicas are for. */
import type { Deployment } from '../deployment/deployment.ts';
import type { PlanRequest } from '../engines/engine-list.ts';

export interface ExportedPlan {
  readonly request: PlanRequest;
  readonly deployment: Deployment;
  readonly replicas: number;
  readonly load: ExpectedLoad;
}

/** Means of the requests, their arrivals, and the limits of their times. A target that searches by itself takes them. */
export interface ExpectedLoad {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Null if a fixed number of clients sends the requests. */
  readonly requestsPerSecond: number | null;
  readonly clients: number | null;
  readonly ttftSeconds?: number | undefined;
  readonly itlSeconds?: number | undefined;
  readonly e2eSeconds?: number | undefined;
}
