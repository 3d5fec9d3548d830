import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

export interface ToldDelivery {
  id: string;
  webhookId: string;
  state: string;
  attemptCount: number;
  eventIds: string[];
  attempts?: { number: number; responseStatus: number | null }[];
}

/** What a subscription to changes of deliveries told, and the errors that it ended with. */
export class DeliveryWatcher {
  readonly told: ToldDelivery[] = [];
  readonly errors: { message: string; extensions: { code: string } }[] = [];
  /** The code with which the socket was closed. */
  closedWith: number | null = null;
  readonly stop: () => void;

  constructor(url: string, token: string | null, filter: object | null, fields = '') {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: token ? { authorization: `Bearer ${token}` } : {},
      retryAttempts: 0,
      on: {
        closed: (event) => {
          this.closedWith = (event as { code: number }).code;
        },
      },
      onNonLazyError: () => undefined,
    });
    const query = `subscription ($filter: DeliveryFilter) {
      deliveryChanged(filter: $filter) { id webhookId state attemptCount eventIds ${fields} }
    }`;
    const failed = (errors: unknown): void => {
      if (Array.isArray(errors)) this.errors.push(...(errors as DeliveryWatcher['errors']));
    };
    this.stop = client.subscribe<{ deliveryChanged: ToldDelivery }>(
      { query, variables: { filter } },
      {
        next: ({ data, errors }) => {
          failed(errors);
          if (data) this.told.push(data.deliveryChanged);
        },
        error: failed,
        complete: () => undefined,
      },
    );
  }

  /** What was told of a delivery, oldest first. */
  of(id: string): ToldDelivery[] {
    return this.told.filter((one) => one.id === id);
  }

  /** The newest state of a delivery that was told. */
  newest(id: string): ToldDelivery | undefined {
    return this.of(id).at(-1);
  }
}
