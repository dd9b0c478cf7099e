interface Order {
  data: { count?: number };
}

const VERSION: string = "1";

export default async function quote(event: Order): Promise<{ total: number; version: string }> {
  return { total: (event.data.count ?? 0) * 7, version: VERSION };
}
