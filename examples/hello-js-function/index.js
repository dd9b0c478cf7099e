export default async function (event, context, logger) {
  const name = event.data?.name ?? "world";
  logger.info(`saying hello to ${name}`);
  return { greeting: `Hello, ${name}`, org: context.org.id };
}
